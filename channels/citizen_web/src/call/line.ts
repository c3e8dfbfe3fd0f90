import { UA, WebSocketInterface } from 'jssip'
import type { EndEvent, IceCandidateEvent, RTCSession } from 'jssip/lib/RTCSession'

import type { Failure, GuestPhone, LineState } from './types'

const BUSY = new Set(['Busy', 'Rejected', 'Unavailable', 'Authentication Error'])
/** Candidates of one machine come together; whoever waits for all of them waits for interfaces that lead nowhere. */
const SIBLINGS_MS = 80
const PATIENCE_MS = 2_000

export interface Listener {
  onState(state: LineState, failure: Failure): void
}

/** One call from the browser to the hotline, and nothing after it. */
export class Line {
  private ua: UA | null = null
  private session: RTCSession | null = null
  private microphone: MediaStream | null = null
  private readonly speaker = new Audio()
  private state: LineState = 'idle'

  constructor(private readonly listener: Listener) {
    this.speaker.autoplay = true
  }

  static get possible(): boolean {
    return typeof RTCPeerConnection === 'function' && (navigator.mediaDevices as MediaDevices | undefined) !== undefined
  }

  /** Asks for the microphone, in the tap that wants the call: before anything is asked of the server. */
  async listen(): Promise<boolean> {
    this.say('preparing')
    try {
      this.microphone = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } })
      return true
    } catch {
      this.end('microphone')
      return false
    }
  }

  call(phone: GuestPhone): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const ua = new UA({
      sockets: [new WebSocketInterface(`${scheme}://${location.host}${phone.socket}`)],
      uri: phone.uri,
      authorization_user: phone.account,
      password: phone.password,
      register: false,
      session_timers: false,
      user_agent: 'Lianxin citizen page',
    })
    this.ua = ua
    ua.on('connected', () => {
      if (this.session === null && this.microphone !== null) this.invite(ua, phone, this.microphone)
    })
    ua.on('disconnected', () => {
      // Before the call there is nothing to wait for; in it the sound may well go on.
      if (this.session === null) this.end('lost')
    })
    this.say('calling')
    ua.start()
  }

  mute(muted: boolean): void {
    if (muted) this.session?.mute({ audio: true })
    else this.session?.unmute({ audio: true })
  }

  hangUp(): void {
    if (this.session !== null && !this.session.isEnded()) this.session.terminate()
    else this.end('')
  }

  private invite(ua: UA, phone: GuestPhone, mediaStream: MediaStream): void {
    const domain = phone.uri.replace(/^.*@/, '')
    const session = ua.call(`sip:${phone.hotline}@${domain}`, {
      mediaStream,
      pcConfig: { iceServers: [], bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' },
    })
    this.session = session
    session.on('icecandidate', soonDone())
    session.on('confirmed', () => {
      this.say('talking')
    })
    session.on('failed', ({ cause }: EndEvent) => {
      this.end(BUSY.has(cause) ? 'busy' : 'lost')
    })
    session.on('ended', () => {
      this.end('')
    })
    const connection = session.connection as RTCPeerConnection | undefined
    connection?.addEventListener('track', ({ streams }) => {
      this.speaker.srcObject = streams[0] ?? null
      void this.speaker.play().catch(() => undefined)
    })
  }

  private say(state: LineState, failure: Failure = ''): void {
    this.state = state
    this.listener.onState(state, failure)
  }

  private end(failure: Failure): void {
    if (this.state === 'over') return
    this.say('over', failure)
    const ua = this.ua
    this.ua = null
    this.session = null
    for (const track of this.microphone?.getTracks() ?? []) track.stop()
    this.microphone = null
    this.speaker.srcObject = null
    // Once what says good-bye is on its way.
    setTimeout(() => ua?.stop(), 500)
  }
}

/** Ends the gathering of candidates shortly after the first that a neighbour can use. */
function soonDone(): (event: IceCandidateEvent) => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let hurried = false
  return ({ candidate, ready }) => {
    if (timer === undefined) timer = setTimeout(ready, PATIENCE_MS)
    if (hurried || !candidate.candidate.includes(' typ host')) return
    hurried = true
    clearTimeout(timer)
    timer = setTimeout(ready, SIBLINGS_MS)
  }
}
