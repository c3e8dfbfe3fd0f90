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

export const citizens = {
  person: (id: number) => request<Person>('GET', `/citizens/${id}`),
  decide: (mergeId: number, decision: Decision) =>
    request<undefined>('POST', `/citizens/merges/${mergeId}/decision`, { body: { decision } }),
}
