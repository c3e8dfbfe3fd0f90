import { ref } from 'vue'

import type { FiledView } from '@/api/types'
import { forget, recall, remember } from '@/device/memory'
import { noteProven } from '@/device/proven'

/** What was sent from this telephone: its number and what opens it, never what was written. */
export interface Mine {
  number: string
  pass: string
  at: string
}

export interface Filed extends FiledView {
  kind: string
  type: string
}

const MOST = 10

export const mine = ref<Mine[]>(recall<Mine[]>('mine') ?? [])

/** What was sent last, with its query code; gone with the tab. */
export const filed = ref<Filed | null>(lastFiled())

function lastFiled(): Filed | null {
  try {
    return JSON.parse(sessionStorage.getItem('lianxin-citizen.filed') ?? 'null') as Filed | null
  } catch {
    return null
  }
}

export function noteFiled(answer: FiledView, kind: string, type: string, secret: boolean): void {
  filed.value = { ...answer, kind, type }
  try {
    sessionStorage.setItem('lianxin-citizen.filed', JSON.stringify(filed.value))
  } catch {
    // It is on the screen; only a reload would lose it.
  }
  // Others may use this telephone: what is to stay secret leaves nothing on it.
  if (secret) {
    noteProven(null)
    return
  }
  const one = { number: answer.number, pass: answer.ticket_pass, at: new Date().toISOString() }
  mine.value = [one, ...mine.value.filter(({ number }) => number !== answer.number)].slice(0, MOST)
  remember('mine', mine.value)
}

export function forgetMine(): void {
  mine.value = []
  noteProven(null)
  forget('mine')
  filed.value = null
  try {
    sessionStorage.removeItem('lianxin-citizen.filed')
  } catch {
    // Nothing was kept.
  }
}
