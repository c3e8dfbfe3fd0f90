/** The life-cycle API as the desks see it. Times are RFC 3339 strings. */
import type { Instant, Ticket, TicketType, Urgency } from '@/api/types'

export type AssignmentState = 'dispatched' | 'in_hand' | 'replied' | 'finished' | 'returned' | 'joined' | 'released' | 'stopped'
export type AssignmentRole = 'lead' | 'helper'
export type Lane = 'at_once' | 'complex' | 'unreasonable'

/** One ticket given to one unit, as a list shows it. */
export interface AssignmentItem {
  ticket_id: number
  number: string
  title: string
  type: TicketType
  urgency: Urgency
  category: string
  category_name: string
  n: number
  unit: string
  unit_name: string
  unit_name_en?: string
  role: AssignmentRole
  round: number
  state: AssignmentState
  ticket_state: string
  dispatched_at: Instant
  sign_due_at: Instant
  signed_at?: Instant | null
  due_at: Instant
  due_provisional: boolean
  extended: boolean
  overdue: boolean
  sign_overdue: boolean
  /** The unit has asked to give it back, and the centre has not decided. */
  return_pending: boolean
  address: string
  instructed: boolean
}

export interface Attachment {
  id: number
  name: string
  size: number
  type: string
}

/** The same with what only the opened ticket shows. */
export interface Assignment {
  n: number
  unit: string
  unit_name: string
  unit_name_en?: string
  role: AssignmentRole
  round: number
  state: AssignmentState
  state_zh?: string
  state_en?: string
  designated: boolean
  dispatched_at: Instant
  sign_due_at: Instant
  signed_at?: Instant | null
  due_at: Instant
  due_provisional: boolean
  limit: string
  extended: boolean
  overdue: boolean
  sign_overdue: boolean
  replied_at?: Instant | null
  finished_at?: Instant | null
  ended_at?: Instant | null
}

/** What somebody has asked for and nobody has decided. */
export interface Pending {
  n: number
  at: Instant
  actor: string | null
  unit: string | null
  unit_name: string | null
  unit_name_en: string | null
  text: string
  grounds?: string | null
  suggested_unit?: string | null
  days?: number | null
  units?: string[] | null
}

export type PendingKind = 'return' | 'extension' | 'help' | 'lane' | 'stop'

/** How the lead handles it, and how far its duties are done. */
export interface LaneCourse {
  lane: Lane
  text: string
  at: Instant
  talk_by: Instant | null
  talked: boolean
  approved: boolean | null
}

/** A whole ticket with its life at the units. */
export interface Casefile extends Ticket {
  assignments: Assignment[]
  lane: Lane | null
  lane_course: LaneCourse | null
  /** Of returns the oldest. */
  pending: Partial<Record<PendingKind, Pending>>
  returns: Pending[]
  /** What this very person may do now: `sign:2`, `dispatch`, … */
  actions: string[]
  attachments: Attachment[]
  /** The first of `joined_count`. */
  joined: string[]
  joined_count: number
  main?: { id: number; number: string } | null
}

export interface Unit {
  code: string
  name_zh: string
  name_en: string
  kind: string
  area: string
  active: boolean
}

export interface Suggestion {
  unit: string
  unit_name: string
  unit_name_en: string
  /** 0 … 1 */
  score: number
  reasons: { kind: 'catalogue' | 'place' | 'history' | 'words'; text_zh: string; text_en: string }[]
}

export interface SimilarTicket {
  ticket_id: number
  number: string
  title: string
  state: string
  created_at: Instant
  same_caller: boolean
  score: number
  reasons: { text_zh: string; text_en: string }[]
}

export interface DeadlinePreview {
  sign_due_at: Instant
  due_at: Instant
  provisional: boolean
  limit: string
}
