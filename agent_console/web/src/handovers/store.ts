import { defineStore } from 'pinia'
import { reactive, ref } from 'vue'

import { policeApi } from '@/police/api'
import type { Handover, HandoverChoice, HandoverSummary } from '@/police/types'
import type { ListPhase } from '@/stores/tickets'

/** Every matter that was handed over between the hotline and 110, and the one that lies open. */
export const useHandovers = defineStore('handovers', () => {
  const choice = reactive<HandoverChoice>({ direction: '', state: '', undelivered: false })
  const items = ref<HandoverSummary[]>([])
  const phase = ref<ListPhase>('loading')
  const error = ref<unknown>(null)
  const cursor = ref<string | null>(null)
  let asked = 0

  const opened = ref<Handover | null>(null)
  const failure = ref<unknown>(null)
  let wanted = 0

  /** Reads the list anew; what is on the screen stays there until the new is there. */
  async function load(): Promise<void> {
    const mine = ++asked
    try {
      const page = await policeApi.page(choice, null)
      if (mine !== asked) return
      items.value = page.items
      cursor.value = page.next_cursor ?? null
      phase.value = 'ready'
    } catch (refused) {
      if (mine !== asked) return
      error.value = refused
      phase.value = 'failed'
    }
  }

  async function more(): Promise<void> {
    const mine = asked
    const page = await policeApi.page(choice, cursor.value)
    if (mine !== asked) return
    const known = new Set(items.value.map(({ id }) => id))
    items.value = [...items.value, ...page.items.filter(({ id }) => !known.has(id))]
    cursor.value = page.next_cursor ?? null
  }

  async function open(id: number): Promise<void> {
    wanted = id
    if (opened.value?.id !== id) opened.value = null
    failure.value = null
    try {
      const found = await policeApi.one(id)
      if (wanted === id) opened.value = found
    } catch (refused) {
      // What is on the screen stays there; only a matter that never came is a failure.
      if (wanted === id && opened.value === null) failure.value = refused
    }
  }

  /** Has what 110 did not take sent once more; list and matter are read anew. */
  async function resend(id: number): Promise<void> {
    opened.value = await policeApi.resend(id)
    wanted = id
    await load()
  }

  function neighbour(id: number | null, step: 1 | -1): HandoverSummary | null {
    const at = items.value.findIndex((one) => one.id === id)
    return (at < 0 ? items.value[0] : items.value[at + step]) ?? null
  }

  return { choice, items, phase, error, cursor, opened, failure, load, more, open, resend, neighbour }
})
