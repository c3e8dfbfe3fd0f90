import type { Instant, TicketSummary } from '@/api/types'
import type { Attachment } from '@/casework/types'

export type TalkState = 'guided' | 'waiting' | 'offered' | 'open' | 'closed'
export type Speaker = 'citizen' | 'agent' | 'guide'
export type Delivery = 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'failed' | 'unknown'

export interface Writer {
  id: number
  name?: string | null
  phone_masked?: string | null
}

export interface TalkSummary {
  id: number
  channel: string
  state: TalkState
  skill: string
  agent?: string | null
  agent_name?: string | null
  citizen?: Writer | null
  opened_at: Instant
  waiting_since?: Instant | null
  unanswered_since?: Instant | null
  offered_until?: Instant | null
  closed_at?: Instant | null
  unread: number
  last_seq: number
  last_at: Instant
  preview: string
  preview_speaker?: Speaker | null
}

export interface TalkMessage {
  seq: number
  speaker: Speaker
  agent?: string | null
  agent_name?: string | null
  text: string
  address: string
  latitude?: number | null
  longitude?: number | null
  at: Instant
  delivery?: Delivery | null
  /** Why it did not come further, as a code. */
  failure: string
  failure_zh: string
  failure_en: string
  files: Attachment[]
  files_coming: number
}

export interface TalkHappening {
  event: string
  agent?: string | null
  agent_name?: string | null
  actor?: string | null
  at: Instant
}

/** A colleague who is in touch with the same citizen at this moment. */
export interface Other {
  number: string
  name?: string | null
  how: 'screen' | 'typing' | 'conversation' | 'call'
}

export interface Talk extends TalkSummary {
  contact_id: number
  messages: TalkMessage[]
  tickets: TicketSummary[]
  earlier_tickets: TicketSummary[]
  earlier: TalkSummary[]
  happenings: TalkHappening[]
  others: Other[]
  /** The media types that the channel carries, each with the most bytes of a file. */
  file_limits: Record<string, number>
  /** Whether any other file is sent as a link. */
  files_by_link: boolean
}

/** What is sent to the citizen: words, or a file that was uploaded. */
export type Saying = { after_seq: number } & ({ text: string } | { attachment: number })

/** What a piece of news about a conversation carries. */
export interface TalkNews {
  conversation_id: number
  seq?: number
  state?: TalkState
  delivery?: Delivery
}

export interface LookedAt {
  conversation_id: number
  number: string
  name: string
  how: 'screen' | 'typing'
}
