import { io, type Socket } from 'socket.io-client'
import { defineStore } from 'pinia'
import { ref } from 'vue'

import type { FeedEntry, Hello, Hint } from '@/api/types'
import { FeedSequence } from '@/feed/sequence'

export type FeedPhase = 'off' | 'connecting' | 'live' | 'lost'
type Listener = (news: Hint, durable: boolean) => void

/** The server's push: durable numbered entries and quick hints, each told once. */
export const useFeed = defineStore('feed', () => {
  const phase = ref<FeedPhase>('off')
  let socket: Socket | null = null
  let sequence = new FeedSequence()
  let place = ''

  function remember(): void {
    // By tab: another tab of the same agent has its own place in the feed.
    if (sequence.lastSeq !== null) sessionStorage.setItem(place, String(sequence.lastSeq))
  }

  /** Connects and stays connected; `onConnect` is told each time, to read again what hints may have lost. */
  function start(agent: string, listener: Listener, onConnect: () => void, onRefused: () => void): void {
    stop()
    place = `lianxin.feed.${agent}`
    const stored = sessionStorage.getItem(place)
    sequence = new FeedSequence(stored === null ? null : Number(stored))
    phase.value = 'connecting'
    const opened = io({
      path: '/socket.io/',
      transports: ['websocket'],
      reconnectionDelay: 500,
      reconnectionDelayMax: 8000,
      auth: (give) => {
        give({ last_seq: sequence.lastSeq })
      },
    })
    opened.on('connect', () => {
      phase.value = 'live'
      onConnect()
    })
    opened.on('disconnect', (reason) => {
      phase.value = 'lost'
      // The server closed it on purpose (a restart, an ended session); by itself the library would not return.
      if (reason === 'io server disconnect') reopenSoon(opened, onRefused)
    })
    opened.on('connect_error', () => {
      phase.value = 'lost'
      // An active socket is retried by the library; one that the server refused is not. Why it was
      // refused a WebSocket cannot tell: the session may have ended.
      if (opened.active) onRefused()
      else reopenSoon(opened, onRefused)
    })
    opened.on('hello', ({ event, last_seq }: Hello) => {
      if (event === 'feed.start') sequence.startAt(last_seq)
      remember()
    })
    opened.on('event', (entry: FeedEntry, acknowledge?: (seq: number) => void) => {
      const isNew = sequence.takeEntry(entry)
      remember()
      if (isNew) listener(entry, true)
      acknowledge?.(entry.seq)
    })
    opened.on('hint', (hint: Hint) => {
      if (sequence.takeHint(hint)) listener(hint, false)
    })
    socket = opened
  }

  function reopenSoon(opened: Socket, onRefused: () => void): void {
    onRefused()
    setTimeout(() => {
      if (socket === opened && !opened.connected) opened.connect()
    }, 2000)
  }

  function stop(): void {
    socket?.disconnect()
    socket = null
    phase.value = 'off'
  }

  return { phase, start, stop }
})
