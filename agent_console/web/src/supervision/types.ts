/** The API of supervision as the pages see it. Times are RFC 3339 strings. */
import type { Instant } from '@/api/types'
import type { Attachment } from '@/casework/types'

export const RUNGS = ['reminder', 'order', 'meeting', 'listed'] as const
export type Rung = (typeof RUNGS)[number]

export const BOXES = ['to_answer', 'open', 'overdue', 'replied', 'ended'] as const
export type Box = (typeof BOXES)[number]

export type PaperState = 'issued' | 'read' | 'held' | 'replied' | 'closed' | 'withdrawn'
export type PaperAction = 'read' | 'reply' | 'mend' | 'minutes' | 'close' | 'delist' | 'withdraw'

export interface PaperSummary {
  id: number
  rung: Rung
  rung_zh: string
  rung_en: string
  number: string
  ticket_id: number
  ticket_number: string
  n: number | null
  /** Empty when the ticket hides its citizen. */
  title: string
  hidden: boolean
  origin: 'rule' | 'hand'
  cause: string | null
  issued_at: Instant
  issued_by: string | null
  reply_due_at: Instant | null
  meeting_at: Instant | null
  state: PaperState
  state_zh: string
  state_en: string
  overdue: boolean
  closed_at: Instant | null
  main: string[]
  own: 'main' | 'cc' | null
  own_read: boolean
  own_replied: boolean
}

export interface Letter {
  number: string
  pressing: string
  head: string
  title: string[]
  addressees: string[]
  body: { weight: 'heading' | 'subheading' | 'text'; text: string }[]
  issuer: string
  dated: string
  note: string
  copies: string[]
}

export interface Recipient {
  unit: string
  unit_name: string
  unit_name_en: string
  role: 'main' | 'cc'
  read_at: Instant | null
  read_by: string | null
  replied_at: Instant | null
  replied_by: string | null
  late: boolean
  /** When its reply was last put right; whether it was late is said by the first. */
  mended_at: Instant | null
  mended_by: string | null
  reply: string | null
  /** What it said before, oldest first. */
  earlier: { text: string; at: Instant; by: string | null }[]
  attachments: Attachment[]
}

export interface Paper extends PaperSummary {
  letter: Letter
  digest: string
  place: string
  grounds: string
  meeting: { at: Instant; place: string; participants: string[] } | null
  listing: { leader: string; measures: string[] } | null
  minutes: { attended: string; text: string; decisions: string[]; at: Instant; by: string | null } | null
  conclusion: string | null
  closed_by: string | null
  recipients: Recipient[]
  /** What this very person may do now. */
  actions: PaperAction[]
}

export interface Boxes {
  boxes: Record<Box, number>
  as_of: Instant
}

/** What narrows the list down; empty does not. */
export interface Choice {
  rung: Rung | ''
  unit: string
  q: string
}

export interface ListedMatter {
  paper_id: number
  number: string
  ticket_number: string
  title: string
  hidden: boolean
  units: string[]
  leader: string
  measures: string[]
  listed_at: Instant
  reply_due_at: Instant | null
  overdue: boolean
}

/** What the form of a new paper sends. */
export interface NewPaper {
  rung: Rung
  ticket_id: number
  n: number | null
  main: string[]
  copies: string[]
  grounds: string
  demands: string[]
  reply_days: number | null
  meeting: { at: string; place: string; participants: string[] } | null
  listing: { leader: string; measures: string[] } | null
}
