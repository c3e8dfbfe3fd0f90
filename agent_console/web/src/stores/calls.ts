import { defineStore } from 'pinia'
import { ref } from 'vue'

import { api } from '@/api'
import type { Call } from '@/api/types'

import type { ListPhase } from './tickets'

/** The agent's own calls, newest first. */
export const useCalls = defineStore('calls', () => {
  const items = ref<Call[]>([])
  const phase = ref<ListPhase>('loading')
  const cursor = ref<string | null>(null)

  async function load(): Promise<void> {
    try {
      const page = await api.calls()
      items.value = page.items
      cursor.value = page.next_cursor ?? null
      phase.value = 'ready'
    } catch {
      if (items.value.length === 0) phase.value = 'failed'
    }
  }

  async function loadMore(): Promise<void> {
    const page = await api.calls(cursor.value)
    const known = new Set(items.value.map((call) => call.id))
    items.value.push(...page.items.filter((call) => !known.has(call.id)))
    cursor.value = page.next_cursor ?? null
  }

  /** Puts one call's newest state in its place. */
  function put(call: Call): void {
    const at = items.value.findIndex((one) => one.id === call.id)
    if (at >= 0) items.value[at] = call
    else items.value.unshift(call)
  }

  return { items, phase, cursor, load, loadMore, put }
})
