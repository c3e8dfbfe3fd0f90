import { defineStore } from 'pinia'
import { computed } from 'vue'

import { request } from '@/api/request'
import type { Instant, Page, TicketSummary, TicketType, Urgency } from '@/api/types'
import { useBoxList } from '@/casework/stores/box-list'
import { useSession } from '@/stores/session'

/** What waits for the centre, in the order in which it stands above the list. */
export const WAITS = ['to_dispatch', 'returns', 'extensions', 'helps', 'lanes', 'audit', 'dissatisfied', 'stops', 'passing', 'to_tell'] as const
/** What a leader looks through beside what waits for him: tickets by where they stand. */
export const STATES = ['with_centre', 'to_sign', 'in_hand', 'replied', 'callback', 'archived'] as const
export type Wait = (typeof WAITS)[number]
export type Box = Wait | (typeof STATES)[number]

/** The boxes of a leader that wait for him. */
const LEADERS: readonly Wait[] = ['stops']

const STATE_OF: Readonly<Record<(typeof STATES)[number], string>> = {
  with_centre: 'to_dispatch', to_sign: 'dispatched', in_hand: 'in_hand', replied: 'replied', callback: 'callback', archived: 'archived',
}
const isState = (box: Box): box is (typeof STATES)[number] => box in STATE_OF

export interface DispatchSummary {
  boxes: Partial<Record<Box, number>>
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

/** A ticket that waits for nobody here, as one of the list. */
function plain(ticket: TicketSummary): DispatchItem {
  const nobody = { n: null, unit_name: null, unit_name_en: null, due_at: null, overdue: false }
  return { ...nobody, address: '', round: 1, instructed: false, ...ticket, category_name: ticket.category_name ?? '', waiting_since: ticket.created_at }
}

async function readPage(box: Box, cursor: string | null, limit: number): Promise<Page<DispatchItem>> {
  if (!isState(box)) return request<Page<DispatchItem>>('GET', '/dispatch/tickets', { query: { box, cursor, limit } })
  const page = await request<Page<TicketSummary>>('GET', '/tickets', { query: { state: STATE_OF[box], cursor, limit } })
  return { ...page, items: page.items.map(plain) }
}

/** What waits for the centre, or what there is for a leader to look at. */
export const useDispatchDesk = defineStore('dispatch-desk', () => {
  const session = useSession()
  const centre = computed(() => session.can('ticket.dispatch'))
  /** What waits for this person to decide; the server counts no other boxes for him. */
  const waits = computed<readonly Wait[]>(() => (centre.value ? WAITS : session.can('ticket.approve_stop') ? LEADERS : []))
  const boxes = computed<readonly Box[]>(() => (centre.value ? WAITS : [...waits.value, ...STATES]))
  const list = useBoxList<Box, DispatchItem, DispatchSummary>(
    centre.value ? 'to_dispatch' : 'in_hand',
    () => (waits.value.length > 0 ? request<DispatchSummary>('GET', '/dispatch/summary') : Promise.resolve({ boxes: {}, as_of: '' })),
    readPage,
    (a, b) => a.id === b.id && a.n === b.n,
  )
  const counts = computed<Partial<Record<Box, number>>>(() => list.summary.value?.boxes ?? {})
  /** The box that is shown to whoever names none: what waits for a leader goes before what he may look through. */
  const pressing = computed<Box>(() => waits.value.find((box) => (counts.value[box] ?? 0) > 0) ?? (centre.value ? 'to_dispatch' : 'in_hand'))

  /** The row above or below the one that lies open; the first when none of this box does. */
  function neighbour(id: number | null, step: 1 | -1): DispatchItem | null {
    const at = list.items.value.findIndex((one) => one.id === id)
    return (at < 0 ? list.items.value[0] : list.items.value[at + step]) ?? null
  }

  /** What to look at when this one leaves the box: the one below it, or else the one above. */
  function after(id: number): DispatchItem | null {
    return neighbour(id, 1) ?? neighbour(id, -1)
  }

  return { ...list, centre, boxes, counts, pressing, neighbour, after }
})
