import { request } from '@/api/request'
import type { Instant } from '@/api/types'

export type Decision = 'confirm' | 'dismiss' | 'undo'

export interface KnownBy {
  kind: 'openid' | 'unionid' | 'mail' | 'device' | 'account'
  scope: string
  shown: string
}

export interface KnownCitizen {
  id: number
  kind: string
  name?: string | null
  phone_masked?: string | null
  known_by: KnownBy[]
  first_seen_at: Instant
  contacts: number
  last_contact_at?: Instant | null
}

export interface Merge {
  id: number
  state: 'suggested' | 'confirmed' | 'dismissed' | 'undone'
  ground: 'typed_number' | 'callback_number' | 'area_code' | 'unionid'
  channel?: string | null
  other: KnownCitizen
}

export interface Person {
  citizen: KnownCitizen
  merges: Merge[]
}

/** One approach of a person, with the last ticket that came of it. */
export interface Approach {
  contact_id: number
  channel: string
  received_at: Instant
  ticket_id?: number | null
  ticket_number?: string | null
  ticket_title?: string | null
}

export const citizens = {
  person: (id: number) => request<Person>('GET', `/citizens/${id}`),
  history: (id: number) => request<{ items: Approach[] }>('GET', `/citizens/${id}/history`),
  decide: (mergeId: number, decision: Decision) =>
    request<undefined>('POST', `/citizens/merges/${mergeId}/decision`, { body: { decision } }),
}
