import type { Instant } from '@/api/types'

/** 110's part of a call. */
export interface Third {
  id: string
  pbx: string
  linkedid: string
  state: 'calling' | 'joined' | 'alone' | 'without_citizen' | 'left' | 'failed'
  reason: string
}

export interface Custody {
  at: string
  step: string
  holder: 'hotline' | 'police' | 'both'
  who: string
  note: string
}

export interface PoliceMessage {
  kind: string
  state: 'waiting' | 'taken' | 'given_up'
  attempts: number
  error: string
  created_at: Instant
  taken_at: Instant | null
  next_at: Instant | null
}

export const DIRECTIONS = ['inbound', 'outbound'] as const
export type Direction = (typeof DIRECTIONS)[number]
export const STATES = ['offered', 'received', 'accepted', 'refused', 'finished'] as const
export type HandoverState = (typeof STATES)[number]

/** A matter as a list has it. */
export interface HandoverSummary {
  id: number
  direction: Direction
  transfer_id: string
  state: HandoverState
  holder: 'hotline' | 'police' | 'both'
  ticket_id: number | null
  ticket_number: string | null
  ticket_title: string | null
  agent: string | null
  pbx: string | null
  linkedid: string | null
  emergency: boolean
  remote_number: string
  undelivered: boolean
  created_at: Instant
  changed_at: Instant
}

export interface Handover extends HandoverSummary {
  messages: PoliceMessage[]
  custody: Custody[]
}

export interface HandedOver {
  handover: Handover
  third: Third | null
  ring_problem: string | null
}

/** Which matters to list. */
export interface HandoverChoice {
  direction: Direction | ''
  state: HandoverState | ''
  undelivered: boolean
}

export interface PoliceNews {
  handover_id: number
  ticket_id: number | null
}
