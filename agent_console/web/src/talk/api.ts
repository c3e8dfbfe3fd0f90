import { request } from '@/api/request'
import type { Page } from '@/api/types'

import type { Other, Saying, Talk, TalkMessage, TalkSummary } from './types'

export type Box = 'mine' | 'waiting' | 'live' | 'closed'

export const talks = {
  box: (box: Box, cursor?: string | null) =>
    request<Page<TalkSummary>>('GET', '/conversations', { query: { box, cursor, limit: 50 } }),
  show: (id: number) => request<Talk>('GET', `/conversations/${id}`),
  messages: (id: number, where: { before?: number; after?: number }) =>
    request<{ items: TalkMessage[]; more: boolean }>('GET', `/conversations/${id}/messages`, { query: where }),
  say: (id: number, body: Saying, idempotencyKey: string) =>
    request<TalkMessage>('POST', `/conversations/${id}/messages`, { body, idempotencyKey }),
  accept: (id: number) => request<Talk>('POST', `/conversations/${id}/accept`),
  decline: (id: number) => request<undefined>('POST', `/conversations/${id}/decline`),
  take: (id: number) => request<Talk>('POST', `/conversations/${id}/take`),
  passOn: (id: number) => request<undefined>('POST', `/conversations/${id}/pass-on`, { body: {} }),
  close: (id: number) => request<undefined>('POST', `/conversations/${id}/close`),
  read: (id: number) => request<undefined>('PUT', `/conversations/${id}/read`),
  look: (id: number, typing: boolean) =>
    request<{ items: Other[] }>('PUT', `/conversations/${id}/look`, { body: { typing } }),
  leave: (id: number) => request<undefined>('DELETE', `/conversations/${id}/look`, { keepalive: true }),
}
