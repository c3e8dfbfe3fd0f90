import { defineStore } from 'pinia'
import { computed } from 'vue'

import { request } from '@/api/request'
import type { Page } from '@/api/types'
import { useBoxList } from '@/casework/stores/box-list'
import type { AssignmentItem } from '@/casework/types'

/** In the order in which they stand above the table. */
export const BOXES = ['to_sign', 'in_hand', 'due_soon', 'overdue', 'returned', 'redo', 'helping', 'replied'] as const
export type Box = (typeof BOXES)[number]

/** Whoever opens the desk is shown first what cannot wait. */
const PRESSING: readonly Box[] = ['overdue', 'to_sign', 'due_soon', 'redo', 'in_hand', 'helping', 'replied', 'returned']

/** What one person of the unit has done today. */
export interface ClerkCount {
  number: string
  name: string | null
  signed: number
  replied: number
}

/** The unit as a whole, for its head. */
export interface HeadCount {
  dispatched_today: number
  replied_today: number
  finished_today: number
  open: number
  overdue: number
  sign_overdue: number
  clerks: ClerkCount[]
}

export interface DeskSummary {
  boxes: Record<Box, number>
  head: HeadCount | null
  as_of: string
}

/** The box in which something most needs doing; the first one when nothing does. */
export function pressing(boxes: Partial<Record<Box, number>>): Box {
  return PRESSING.find((box) => (boxes[box] ?? 0) > 0) ?? 'to_sign'
}

/** What lies at this unit. */
export const useUnitDesk = defineStore('unit-desk', () => {
  const list = useBoxList<Box, AssignmentItem, DeskSummary>(
    'to_sign',
    () => request<DeskSummary>('GET', '/desk/summary'),
    (box, cursor, limit) => request<Page<AssignmentItem>>('GET', '/desk/assignments', { query: { box, cursor, limit } }),
    (a, b) => a.ticket_id === b.ticket_id && a.n === b.n,
  )
  const counts = computed<Partial<Record<Box, number>>>(() => list.summary.value?.boxes ?? {})

  /** The row above or below the one that lies open; the first when none of this box does. */
  function neighbour(ticketId: number, step: 1 | -1): AssignmentItem | null {
    const at = list.items.value.findIndex((one) => one.ticket_id === ticketId)
    return (at < 0 ? list.items.value[0] : list.items.value[at + step]) ?? null
  }

  return { ...list, counts, neighbour }
})
