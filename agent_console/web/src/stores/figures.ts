import { defineStore } from 'pinia'
import { ref } from 'vue'

import { api } from '@/api'
import type { Figures } from '@/api/types'

/** Several events end together (a call, its ticket); one look is enough for all. */
const GATHER_MS = 400

/** The agent's own figures of today. */
export const useFigures = defineStore('figures', () => {
  const figures = ref<Figures | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined

  async function load(): Promise<void> {
    figures.value = await api.figures()
  }

  function lookSoon(): void {
    clearTimeout(timer)
    timer = setTimeout(() => {
      load().catch(() => undefined)
    }, GATHER_MS)
  }

  return { figures, load, lookSoon }
})
