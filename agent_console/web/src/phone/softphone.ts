import { UA, WebSocketInterface } from 'jssip'
import { DTMF_TRANSPORT } from 'jssip/lib/Constants'
import type { EndEvent, HoldEvent, RTCSession } from 'jssip/lib/RTCSession'
import type { RTCSessionEvent } from 'jssip/lib/UA'

import type { PhoneAccount } from '@/api/types'

import { hurriedGathering } from './ice'
import type { LineEvent } from './line'
import { closeMicrophone, type MicrophoneProblem, NoMicrophone, openMicrophone } from './microphone'

export type Registration = 'connecting' | 'registered' | 'unreachable' | 'rejected'

export interface PhoneListener {
  onRegistration(state: Registration): void
  /** `number` is the far end as SIP names it; `cause` is SIP's word for why a call is over. */
  onLine(event: LineEvent, told: { number?: string; cause?: string }): void
  onHeld(held: boolean): void
  /** Null when it could be opened. */
  onMicrophone(problem: MicrophoneProblem | null): void
}

/** No STUN: agents and the PBX share a network, and host candidates are enough and immediate. */
const PEER: RTCConfiguration = { iceServers: [], bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' }

/** One browser telephone with one line: JsSIP, the microphone and the far end's sound. */
export class Softphone {
  private ua: UA | null = null
  private session: RTCSession | null = null
  private domain = ''
  private microphone: MediaStream | null = null
  private wantsHeld = false
  private readonly speaker = new Audio()
  private readonly listener: PhoneListener

  constructor(listener: PhoneListener) {
    this.listener = listener
    this.speaker.autoplay = true
  }

  /** Registers, and keeps registering with backoff until `stop`. */
  start(account: PhoneAccount): void {
    this.stop()
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const ua = new UA({
      sockets: [new WebSocketInterface(`${scheme}://${location.host}${account.ws_path}`)],
      uri: account.uri,
      authorization_user: account.username,
      password: account.password,
      display_name: account.display_name,
      register_expires: 120,
      session_timers: false,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 15,
      user_agent: 'Lianxin',
    })
    const mine = (act: () => void) => () => {
      if (this.ua === ua) act()
    }
    ua.on('connecting', ({ attempts }) => mine(() => this.listener.onRegistration(attempts > 1 ? 'unreachable' : 'connecting'))())
    ua.on('registered', mine(() => this.listener.onRegistration('registered')))
    ua.on('unregistered', mine(() => this.listener.onRegistration('connecting')))
    ua.on('disconnected', mine(() => this.listener.onRegistration('connecting')))
    ua.on('registrationFailed', ({ response }) => {
      // Without a response the socket broke; JsSIP opens the next one by itself.
      const refused = (response as unknown) !== null && response !== undefined
      mine(() => this.listener.onRegistration(refused ? 'rejected' : 'connecting'))()
    })
    ua.on('newRTCSession', (event: RTCSessionEvent) => {
      if ((event.originator as string) === 'remote') this.ring(event.session)
    })
    this.ua = ua
    this.domain = account.uri.replace(/^.*@/, '')
    this.listener.onRegistration('connecting')
    ua.start()
  }

  /** Ends any call, unregisters and closes the socket. */
  stop(): void {
    const ua = this.ua
    this.ua = null
    ua?.stop()
    this.silence()
    this.session = null
  }

  get busy(): boolean {
    return this.session !== null && !this.session.isEnded()
  }

  get connection(): RTCPeerConnection | null {
    return (this.session?.connection as RTCPeerConnection | undefined) ?? null
  }

  get sounds(): { near: MediaStream | null; far: MediaStream | null } {
    return { near: this.microphone, far: this.speaker.srcObject as MediaStream | null }
  }

  async answer(): Promise<void> {
    const session = this.session
    if (session === null) return
    const microphone = await this.takeMicrophone()
    if (microphone === null || this.session !== session) return
    session.answer({ mediaStream: microphone, pcConfig: PEER })
  }

  async dial(number: string): Promise<void> {
    const ua = this.ua
    const microphone = await this.takeMicrophone()
    if (microphone === null || ua === null || ua !== this.ua) return
    const session = ua.call(`sip:${number}@${this.domain}`, { mediaStream: microphone, pcConfig: PEER })
    this.follow(session)
  }

  hangUp(): void {
    if (this.session === null || this.session.isEnded()) this.listener.onLine('over', {})
    else if (this.session.isEstablished()) this.session.terminate()
    // 603 ends this attempt; the queue goes on to the next agent.
    else this.session.terminate({ status_code: 603, reason_phrase: 'Decline' })
  }

  setMuted(muted: boolean): void {
    if (muted) this.session?.mute({ audio: true })
    else this.session?.unmute({ audio: true })
  }

  /** Holds the call or takes it back. A wish that comes while the far end still answers an earlier one waits for it. */
  setHeld(held: boolean): void {
    this.wantsHeld = held
    this.applyHold()
  }

  press(key: string): void {
    this.session?.sendDTMF(key, { transportType: DTMF_TRANSPORT.RFC2833 })
  }

  private applyHold(): void {
    const session = this.session
    if (session === null || session.isOnHold().local === this.wantsHeld) return
    const again = () => {
      if (this.session === session) this.applyHold()
    }
    if (this.wantsHeld) session.hold({}, again)
    else session.unhold({}, again)
  }

  private ring(session: RTCSession): void {
    if (this.busy) {
      session.terminate({ status_code: 486, reason_phrase: 'Busy Here' })
      return
    }
    this.follow(session)
    this.listener.onLine('incoming', { number: session.remote_identity.uri.user })
  }

  private follow(session: RTCSession): void {
    this.session = session
    this.wantsHeld = false
    session.on('icecandidate', hurriedGathering())
    session.on('peerconnection', ({ peerconnection }) => this.hear(peerconnection))
    if ((session.connection as unknown) !== null && session.connection !== undefined) this.hear(session.connection)
    session.on('confirmed', () => this.listener.onLine('established', {}))
    // A far end that holds us is not our hold.
    const ours = ({ originator }: HoldEvent) => (originator as string) === 'local'
    session.on('hold', (event) => ours(event) && this.listener.onHeld(true))
    session.on('unhold', (event) => ours(event) && this.listener.onHeld(false))
    const over = (event: EndEvent) => {
      if (this.session !== session) return
      this.session = null
      this.silence()
      this.listener.onLine('over', { cause: event.cause })
    }
    session.on('ended', over)
    session.on('failed', over)
  }

  private hear(connection: RTCPeerConnection): void {
    connection.addEventListener('track', ({ streams, track }) => {
      this.speaker.srcObject = streams[0] ?? new MediaStream([track])
      // Refused only when the page was never touched; the next click plays it.
      this.speaker.play().catch(() => undefined)
    })
  }

  private async takeMicrophone(): Promise<MediaStream | null> {
    try {
      const microphone = await openMicrophone()
      closeMicrophone(this.microphone)
      this.microphone = microphone
      this.listener.onMicrophone(null)
      return microphone
    } catch (error) {
      if (!(error instanceof NoMicrophone)) throw error
      this.listener.onMicrophone(error.problem)
      return null
    }
  }

  private silence(): void {
    closeMicrophone(this.microphone)
    this.microphone = null
    this.speaker.srcObject = null
  }
}
