import { defineStore } from 'pinia'
import { ref, watch } from 'vue'

import type { CallbackNews, CallNews, Hint, Presence, QueueNews, TicketNews } from '@/api/types'
import { i18n } from '@/i18n'
import { usePolice } from '@/police/store'
import type { PoliceNews, Third } from '@/police/types'
import { useTalks } from '@/talk/store'
import type { LookedAt, TalkNews } from '@/talk/types'

import { useCall } from './call'
import { useCalls } from './calls'
import { useCallContext } from './context'
import { useDrafts } from './drafts'
import { useFeed } from './feed'
import { useFigures } from './figures'
import { useNotices } from './notices'
import { usePhone } from './phone'
import { usePresence } from './presence'
import { useSession } from './session'
import { useTickets } from './tickets'

/** Entries of the feed that name a conversation. */
const TALK = new Set([
  'message.received', 'message.delivery_changed', 'message.file_arrived', 'conversation.offered', 'conversation.assigned', 'conversation.changed',
  'conversation.closed',
])

/** Opens and closes the desk with the session, and takes each piece of news to its place. */
export const useDesk = defineStore('desk', () => {
  const session = useSession()
  const presence = usePresence()
  const phone = usePhone()
  const call = useCall()
  const calls = useCalls()
  const talks = useTalks()
  const police = usePolice()
  const tickets = useTickets()
  const figures = useFigures()
  const drafts = useDrafts()
  const context = useCallContext()
  const feed = useFeed()
  const notices = useNotices()
  const online = ref(navigator.onLine)

  const onCallback = (told: CallbackNews) => {
    const { t } = i18n.global
    tickets.takeResult(told)
    void tickets.lookAgain(told.ticket_id)
    figures.lookSoon()
    const outcome = told.rating ? t(`rating.${told.rating}`) : t(`result.${told.result}`)
    const words = t('callback.finished', { number: told.number, outcome })
    const kind = told.rating && told.rating > 3 ? 'warning' : 'success'
    notices.tell(words, told.rating ? kind : 'info')
    notices.say(words)
  }

  const places: Readonly<Record<string, (data: never) => void>> = {
    'presence.changed': (data: Presence) => {
      presence.presence = data
    },
    'queue.changed': (data: QueueNews) => {
      presence.queue = data
    },
    'ticket.created': (data: TicketNews) => void tickets.lookAgain(data.ticket_id).then(figures.lookSoon),
    'ticket.changed': (data: TicketNews) => {
      void tickets.lookAgain(data.ticket_id)
      context.ticketChanged(data.ticket_id)
    },
    'callback.finished': onCallback,
    'three_way.changed': (data: Third) => police.takeThird(data),
    'police.changed': (data: PoliceNews) => void police.takeNews(data),
    'conversation.looked_at': (data: LookedAt) => talks.lookedAt(data),
    'conversations.waiting': () => void talks.load(),
  }

  function take({ type, data }: Hint, durable: boolean): void {
    if (type.startsWith('call.')) {
      call.news(type, data as CallNews, durable)
      if (type === 'call.ended' || type === 'call.answered') figures.lookSoon()
    } else if (TALK.has(type)) {
      talks.takeNews(type, data as unknown as TalkNews)
    } else {
      places[type]?.(data as never)
    }
  }

  /** Reads everything that a hint may have failed to say. */
  function readAgain(): void {
    const reads: Promise<unknown>[] = []
    if (session.can('presence.set')) reads.push(presence.load())
    if (session.can('figures.read')) reads.push(figures.load())
    if (session.can('call.read')) reads.push(call.look(), calls.load())
    if (session.can('ticket.read')) reads.push(tickets.load())
    if (session.can('conversation.read')) reads.push(talks.readAgain())
    reads.push(police.look(), police.lookAtThird())
    if (tickets.categories.length === 0) reads.push(tickets.loadCategories())
    if (tickets.opened !== null) reads.push(tickets.open(tickets.opened.id))
    // Each part of the page shows its own failure; the banner shows the lost connection.
    void Promise.allSettled(reads)
  }

  /** A call that outlived its session keeps the telephone it runs on; the new one is taken after it. */
  function startPhone(): void {
    if (call.phase === 'idle') {
      phone.start()
      return
    }
    const stop = watch(
      () => call.phase,
      (phase) => {
        if (phase !== 'idle') return
        stop()
        phone.start()
      },
    )
  }

  function open(): void {
    startPhone()
    feed.start(session.user?.number ?? '', take, readAgain, () => void session.load())
    drafts.saveAll()
    readAgain()
  }

  function close(): void {
    feed.stop()
    // A running call goes on under the login overlay: the citizen is not to be cut off by a cookie.
    if (call.phase === 'idle') phone.stop()
  }

  watch(
    () => session.phase,
    (now, before) => {
      if (now === 'in') open()
      else if (before === 'in') close()
    },
    { immediate: true },
  )

  addEventListener('online', () => {
    online.value = true
    readAgain()
    phone.retry()
  })
  addEventListener('offline', () => {
    online.value = false
  })
  addEventListener('pagehide', () => {
    drafts.saveAll(true)
    phone.stop()
  })
  // Brought back from the browser's memory of left pages, with dead sockets: begin anew.
  addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload()
  })
  addEventListener('beforeunload', (event) => {
    if (call.phase !== 'idle') event.preventDefault()
  })

  return { online }
})
