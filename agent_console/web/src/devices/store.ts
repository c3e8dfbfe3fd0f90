import { defineStore } from 'pinia'
import { ref } from 'vue'

import type { ListPhase } from '@/stores/tickets'

import { devices } from './api'
import type { Device } from './types'

/** The devices that the city has given out. */
export const useDevices = defineStore('devices', () => {
  const items = ref<Device[]>([])
  const phase = ref<ListPhase>('loading')
  const error = ref<unknown>(null)
  const cursor = ref<string | null>(null)
  let asked = 0

  /** Reads as many as are shown anew; what is on the screen stays there until the new is there. */
  async function load(): Promise<void> {
    const mine = ++asked
    const last = items.value.at(-1)?.id ?? 0
    const found: Device[] = []
    let next: string | null = null
    try {
      do {
        const page = await devices.page(next)
        if (mine !== asked) return
        found.push(...page.items)
        next = page.next_cursor ?? null
      } while (next !== null && (found.at(-1)?.id ?? 0) < last)
      items.value = found
      cursor.value = next
      phase.value = 'ready'
    } catch (refused) {
      if (mine !== asked) return
      error.value = refused
      phase.value = 'failed'
    }
  }

  async function more(): Promise<void> {
    const mine = asked
    const page = await devices.page(cursor.value)
    if (mine !== asked) return
    items.value = [...items.value, ...page.items]
    cursor.value = page.next_cursor ?? null
  }

  return { items, phase, error, cursor, load, more }
})
