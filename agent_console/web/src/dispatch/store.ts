import { defineStore } from 'pinia'
import { computed } from 'vue'

import { request } from '@/api/request'
import type { Instant, Page, TicketType, Urgency } from '@/api/types'
import { useBoxList } from '@/casework/stores/box-list'

/** In the order in which they stand above the list. */
export const BOXES = ['to_dispatch', 'returns', 'extensions', 'helps', 'lanes', 'audit', 'dissatisfied', 'stops', 'to_tell'] as const
export type Box = (typeof BOXES)[number]

export interface DispatchSummary {
  boxes: Record<Box, number>
  as_of: string
}

/** A ticket that waits for the centre, with the unit that it is about or that has it. */
export interface DispatchItem {
  id: number
  number: string
  title: string
  type: TicketType
  urgency: Urgency
  category_name: string
  confidential: boolean
  state: string
  created_at: Instant
  address: string
  round: number
  instructed: boolean
  /** Since when it waits here. */
  waiting_since: Instant
  n: number | null
  unit_name: string | null
  unit_name_en: string | null
  /** By when that unit should have replied. */
  due_at: Instant | null
  overdue: boolean
}

/** What waits for the centre. */
export const useDispatchDesk = defineStore('dispatch-desk', () => {
  const list = useBoxList<Box, DispatchItem, DispatchSummary>(
    'to_dispatch',
    () => request<DispatchSummary>('GET', '/dispatch/summary'),
    (box, cursor, limit) => request<Page<DispatchItem>>('GET', '/dispatch/tickets', { query: { box, cursor, limit } }),
    (a, b) => a.id === b.id && a.n === b.n,
  )
  const counts = computed<Partial<Record<Box, number>>>(() => list.summary.value?.boxes ?? {})

  /** The row above or below the one that lies open; the first when none of this box does. */
  function neighbour(id: number | null, step: 1 | -1): DispatchItem | null {
    const at = list.items.value.findIndex((one) => one.id === id)
    return (at < 0 ? list.items.value[0] : list.items.value[at + step]) ?? null
  }

  /** What to look at when this one leaves the box: the one below it, or else the one above. */
  function after(id: number): DispatchItem | null {
    return neighbour(id, 1) ?? neighbour(id, -1)
  }

  return { ...list, counts, neighbour, after }
})
