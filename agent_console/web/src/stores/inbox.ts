import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import type { RouteLocationNormalized } from 'vue-router'

import { useTalks } from '@/talk/store'

import { useCalls } from './calls'
import { useTickets } from './tickets'

export type Tab = 'calls' | 'talks' | 'tickets' | 'callbacks'
export const TABS: readonly Tab[] = ['calls', 'talks', 'tickets', 'callbacks']

export interface Place {
  name: 'call' | 'talk' | 'ticket'
  params: { id: number }
}

/** Which list is shown, and the way through it by keyboard. */
export const useInbox = defineStore('inbox', () => {
  const calls = useCalls()
  const talks = useTalks()
  const tickets = useTickets()
  const tab = ref<Tab>('calls')

  const places = computed<Place[]>(() => {
    if (tab.value === 'calls') return calls.items.map(({ id }) => ({ name: 'call', params: { id } }))
    if (tab.value === 'talks') return [...talks.ongoing, ...talks.others].map(({ id }) => ({ name: 'talk', params: { id } }))
    const shown = tab.value === 'tickets' ? tickets.items : tickets.calledBack
    return shown.map(({ id }) => ({ name: 'ticket', params: { id } }))
  })

  function show(to: Tab): void {
    tab.value = to
  }

  /** The item above or below the opened one; the first when none of this list is open. */
  function neighbour(route: RouteLocationNormalized, step: 1 | -1): Place | null {
    const at = places.value.findIndex((one) => one.name === route.name && String(one.params.id) === route.params.id)
    return (at < 0 ? places.value[0] : places.value[at + step]) ?? null
  }

  return { tab, places, show, neighbour }
})
