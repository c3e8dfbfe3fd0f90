import { computed, type ComputedRef, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'

import { dialable, grouped } from '@/domain/phone-number'
import type { IconName } from '@/parts/icons'
import { useCall } from '@/stores/call'
import { TABS, useInbox } from '@/stores/inbox'
import { usePhone } from '@/stores/phone'
import { usePreferences } from '@/stores/preferences'
import { usePresence } from '@/stores/presence'
import { useSession } from '@/stores/session'
import { useTickets } from '@/stores/tickets'

import { useStatus } from './status'

export interface Command {
  id: string
  icon: IconName
  words: string
  note: string
  run: () => unknown
}

const MOST_TICKETS = 8

/** Whether every word typed occurs somewhere in the text, in any order and case. */
export function matches(text: string, query: string): boolean {
  const low = text.toLowerCase()
  return query.toLowerCase().split(/\s+/).every((word) => low.includes(word))
}

/** What the palette offers for what is typed: a number to dial, tickets, then commands. */
export function useCommands(query: Ref<string>, showMap: () => void): ComputedRef<Command[]> {
  const { t } = useI18n()
  const router = useRouter()
  const call = useCall()
  const inbox = useInbox()
  const phone = usePhone()
  const preferences = usePreferences()
  const presence = usePresence()
  const session = useSession()
  const tickets = useTickets()
  const { goOnline, pause } = useStatus()

  const allStatuses = (): Command[] => [
    { id: 'online', icon: 'check', words: t(presence.state === 'wrap_up' ? 'status.end_wrap_up' : 'status.go_online'), note: t('status.menu'), run: goOnline },
    ...(session.session?.pause_reasons ?? []).map((reason): Command => ({
      id: `pause-${reason.code}`,
      icon: 'coffee',
      words: `${t('status.pause_for')} · ${preferences.english ? reason.en : reason.zh}`,
      note: t('status.menu'),
      run: () => pause(reason.code),
    })),
  ]
  const statuses = computed(() => (session.can('presence.set') ? allStatuses() : []))
  const newTicket = (): Command => ({ id: 'new', icon: 'plus', words: t('inbox.new_ticket'), note: t('palette.command'), run: () => router.push({ name: 'counter' }) })
  const lists = (): Command[] =>
    TABS.map((tab) => ({ id: tab, icon: 'search', words: t(`palette.go_${tab}`), note: t('palette.command'), run: () => inbox.show(tab) }))
  const others = computed<Command[]>(() => [
    ...(session.can('ticket.write') ? [newTicket()] : []),
    ...(session.can('ticket.read') ? lists() : []),
    { id: 'language', icon: 'globe', words: t('top.language_label'), note: t('top.language'), run: preferences.toggleLanguage },
    { id: 'theme', icon: preferences.theme === 'dark' ? 'sun' : 'moon', words: t(preferences.theme === 'dark' ? 'top.light' : 'top.dark'), note: t('palette.command'), run: preferences.toggleTheme },
    { id: 'map', icon: 'keyboard', words: t('top.keys'), note: '?', run: showMap },
  ])
  const found = computed<Command[]>(() =>
    tickets.items
      .filter((ticket) => matches(`${ticket.number} ${ticket.title}`, query.value.trim()))
      .slice(0, MOST_TICKETS)
      .map((ticket) => ({
        id: `ticket-${ticket.id}`,
        icon: 'ticket',
        words: ticket.title,
        note: ticket.number,
        run: () => router.push({ name: 'ticket', params: { id: ticket.id } }),
      })),
  )
  const dial = computed<Command[]>(() => {
    const number = dialable(query.value)
    if (number === null || !phone.ready || call.phase !== 'idle') return []
    return [{ id: 'dial', icon: 'phone', words: t('palette.dial', { number: grouped(number) }), note: t('call.dial'), run: () => call.dial(number) }]
  })

  return computed(() => {
    const typed = query.value.trim()
    const commands = [...statuses.value, ...others.value]
    if (typed === '') return commands
    return [...found.value, ...dial.value, ...commands.filter((one) => matches(one.words, typed))]
  })
}
