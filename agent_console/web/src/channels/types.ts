import type { Instant } from '@/api/types'

export interface Hindrance {
  /** When the oldest reply was written that the channel has not taken. */
  since: Instant
  error: string
  error_zh: string
  error_en: string
  error_code: string
}

/** How a channel does, as the service reads it from the database. */
export interface Channel {
  name: string
  mode: 'webhook' | 'poll' | 'listen' | null
  last_in_at: Instant | null
  last_out_at: Instant | null
  waiting: number
  unknown: number
  failed: number
  refused: number
  hindrance: Hindrance | null
}

export type ReplyState = 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'failed' | 'unknown'

/** A reply to a citizen; never its text. */
export interface Reply {
  id: number
  channel: string
  kind: 'message' | 'receipt' | 'progress' | 'answer' | 'rating'
  state: ReplyState
  ticket_id: number | null
  ticket_number: string | null
  created_at: Instant
  changed_at: Instant
  attempts: number
  error: string | null
  error_zh: string
  error_en: string
  error_code: string
}

/** A short message that carries no reply, e.g. a link to rate after a call; never its text. */
export interface ShortMessage {
  id: number
  kind: 'code' | 'receipt' | 'progress' | 'answer' | 'rating' | 'notice' | 'message'
  phone_masked: string
  created_at: Instant
  since: Instant
}

/** A delivery that was genuine and that nobody understood; never what was in it. */
export interface Refused {
  id: number
  channel: string
  reason_zh: string
  reason_en: string
  size: number
  whole: boolean
  first_at: Instant
  last_at: Instant
  times: number
}

/** The lists beside the channels; whoever may not decide sees none but the last. */
export const LISTS = ['unknown', 'messages', 'failed', 'refused'] as const
export type List = (typeof LISTS)[number]
