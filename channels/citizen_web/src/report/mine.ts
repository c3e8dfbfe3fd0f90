import { ref } from 'vue'

import type { FiledView } from '@/api/types'
import { forget, recall, remember } from '@/device/memory'
import { noteProven } from '@/device/proven'
import type { Kind } from '@/report/draft'

/** What was sent from this telephone: its number and what opens it, never what was written. */
export interface Mine {
  number: string
  pass: string
  at: string
}

export interface Filed extends FiledView {
  kind: Kind
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

// Not in every browser; there another tab with the same draft only finds it gone.
const tabs = 'BroadcastChannel' in window ? new BroadcastChannel('lianxin-citizen.filed') : null

export function noteFiled(answer: FiledView, kind: Kind, type: string, secret: boolean): void {
  show({ ...answer, kind, type })
  tabs?.postMessage({ ...answer, kind, type })
  // Others may use this telephone: what is to stay secret leaves nothing on it.
  if (secret) {
    noteProven(null)
    return
  }
  const one = { number: answer.number, pass: answer.ticket_pass, at: new Date().toISOString() }
  mine.value = [one, ...mine.value.filter(({ number }) => number !== answer.number)].slice(0, MOST)
  remember('mine', mine.value)
}

/** Let a function hear what another tab has sent; it can be shown in this one then. */
export function hearFiled(heard: (kind: Kind) => void): void {
  tabs?.addEventListener('message', ({ data }: MessageEvent<Filed>) => {
    if (data.number === filed.value?.number) return
    show(data)
    mine.value = recall<Mine[]>('mine') ?? []
    heard(data.kind)
  })
}

function show(one: Filed): void {
  filed.value = one
  try {
    sessionStorage.setItem('lianxin-citizen.filed', JSON.stringify(one))
  } catch {
    // It is on the screen; only a reload would lose it.
  }
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
