import { request } from '@/api/request'
import type { Page } from '@/api/types'

import type { Channel, Refused, Reply, ReplyState, ShortMessage } from './types'

const LIMIT = 50

export const channels = {
  all: () => request<{ items: Channel[] }>('GET', '/channels'),
  replies: (state: ReplyState, cursor: string | null) => request<Page<Reply>>('GET', '/replies', { query: { state, cursor, limit: LIMIT } }),
  decide: (id: number, again: boolean) => request<Reply>('POST', `/replies/${id}/decision`, { body: { again } }),
  messages: () => request<{ items: ShortMessage[] }>('GET', '/short-messages/review'),
  decideMessage: (id: number, again: boolean) => request('POST', `/short-messages/${id}/review`, { body: { decision: again ? 'send_again' : 'give_up' } }),
  refused: (cursor: string | null) => request<Page<Refused>>('GET', '/channels/refused', { query: { cursor, limit: LIMIT } }),
  retry: (id: number) => request<{ contact_ids: number[] }>('POST', `/channels/refused/${id}/retry`),
}
