/** The HTTP API and the socket, as this page sees them. Times are RFC 3339 strings. */

export type Instant = string

export interface FieldProblem {
  pointer: string
  message_zh: string
  message_en: string
}

/** RFC 9457 problem details in both languages. */
export interface Problem {
  type: string
  title?: string
  title_zh?: string
  title_en?: string
  status: number
  detail?: string
  detail_zh?: string
  detail_en?: string
  fields?: FieldProblem[]
  retry_after?: number
}

export interface PauseReason {
  code: string
  zh: string
  en: string
}

export interface User {
  number: string
  name: string
  role: string
  /** The code of the unit that this person works for. */
  unit?: string | null
  unit_name?: string | null
  unit_name_en?: string | null
  permissions: string[]
}

export interface Session {
  user: User
  csrf_token: string
  expires_at: Instant
  pause_reasons: PauseReason[]
  hotline: string
  city_zh: string
  city_en: string
  features: { voice: boolean; police: boolean; one_touch: boolean }
}

export interface PhoneAccount {
  uri: string
  username: string
  password: string
  ws_path: string
  display_name: string
}

export type PresenceState = 'offline' | 'online' | 'paused' | 'wrap_up' | 'on_call' | 'ringing'

export interface Presence {
  state: PresenceState
  reason?: string | null
  since?: Instant | null
  wrap_up_ends_at?: Instant | null
}

export type CallState = 'offered' | 'ringing' | 'answered' | 'held' | 'transferred' | 'ended' | 'abandoned'
export type Direction = 'inbound' | 'outbound' | 'callback'

export interface Call {
  id: number
  linkedid: string
  direction: Direction
  state: CallState
  caller_masked?: string | null
  agent?: string | null
  queue?: string | null
  offered_at?: Instant | null
  answered_at?: Instant | null
  ended_at?: Instant | null
  talk_seconds?: number | null
  contact_id?: number | null
  ticket_id?: number | null
  recording_available?: boolean
  previous_contacts?: number
}

export interface Page<T> {
  items: T[]
  next_cursor?: string | null
}

export type TicketType = 'inquiry' | 'help' | 'complaint' | 'report' | 'suggestion' | 'praise'
export type Urgency = 'normal' | 'urgent' | 'critical'

export interface TicketSummary {
  id: number
  number: string
  type: TicketType
  category: string
  category_name?: string
  title: string
  urgency: Urgency
  confidential: boolean
  state: string
  state_zh: string
  state_en: string
  created_at: Instant
  closed_at?: Instant | null
  rating?: number | null
  agent?: string | null
}

export interface TicketContact {
  id: number
  channel: string
  at: Instant
  call_id?: number | null
  recording_available?: boolean
}

export interface TicketEvent {
  seq: number
  event: string
  from_state?: string | null
  to_state?: string | null
  at: Instant
  actor?: string | null
  detail?: unknown
}

export interface CallbackAttempt {
  n: number
  started_at: Instant
  ended_at?: Instant | null
  result?: string | null
}

export interface Callback {
  id: number
  state: string
  due_at?: Instant | null
  /** Why nobody is called. */
  reason?: string | null
  attempts: CallbackAttempt[]
  answers: { contacted?: number | null; solved?: number | null; satisfied?: number | null }
}

export interface Ticket extends TicketSummary {
  text: string
  address?: string | null
  call_me_not: boolean
  citizen?: { id: number; name?: string | null; phone_masked?: string | null } | null
  contacts: TicketContact[]
  events: TicketEvent[]
  callbacks: Callback[]
  version: number
  /** What this very person may do now. */
  actions?: string[]
  /** What whoever stands in it is called, by 工号. */
  people?: Record<string, string>
}

/** What somebody outside has added to a ticket; `source` is a channel, `open311` or `upstream`. */
export interface TicketNote {
  id: number
  source: string
  text: string
  said_at: string
  received_at: string
}

/** What a citizen was told of a ticket in writing; `channel` is empty for people of units. */
export interface TicketReply {
  id: number
  channel: string
  kind: 'message' | 'receipt' | 'progress' | 'answer' | 'rating'
  state: 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'failed' | 'unknown'
  text: string
  created_at: string
  changed_at: string
  error_zh: string
  error_en: string
}

export interface NewTicket {
  call_id?: number | null
  contact_id?: number | null
  channel?: 'counter'
  type: TicketType
  category: string
  title: string
  text: string
  address: string
  urgency: Urgency
  confidential: boolean
  call_me_not: boolean
  citizen_name?: string
  callback_phone?: string
  answer: { text: string } | null
}

export interface Citizen {
  id: number
  kind: string
  name?: string | null
  phone_masked?: string | null
  first_seen_at?: Instant | null
}

export interface CallContext {
  call: Call
  citizen?: Citizen | null
  contacts_total: number
  tickets: TicketSummary[]
  calls: Call[]
}

export interface Category {
  code: string
  name_zh: string
  name_en: string
  parent?: string | null
}

export interface Ratio {
  numerator: number
  denominator: number
}

export interface Figures {
  calls_answered: number
  calls_offered_to_me: number
  talk_seconds_mean: Ratio
  tickets: number
  satisfaction: Ratio
  as_of: Instant
}

export interface SavedDraft {
  body?: Record<string, unknown> | null
  saved_at?: Instant | null
}

/** What a `call.*` entry or hint carries. */
export interface CallNews {
  call_id?: number | null
  pbx?: string
  linkedid: string
  state?: CallState
  caller_masked?: string | null
  direction?: Direction
  agent?: string | null
  offered_at?: Instant | null
  answered_at?: Instant | null
}

export interface QueueNews {
  waiting: number
  longest_seconds: number
  agents?: { online: number; paused: number; on_call: number }
}

export interface CallbackNews {
  ticket_id: number
  number: string
  result: string
  rating?: number | null
}

export interface TicketNews {
  ticket_id: number
  number: string
  state: string
  version: number
}

/** The first word of the socket: whether the page goes on where it was or begins anew at `last_seq`. */
export interface Hello {
  event: 'feed.start' | 'feed.resume'
  last_seq: number
}

/** A hint: it may be lost, and only ever says "look again". */
export interface Hint {
  type: string
  at?: Instant
  data: unknown
}

/** A durable, numbered feed entry. */
export interface FeedEntry extends Hint {
  seq: number
}
