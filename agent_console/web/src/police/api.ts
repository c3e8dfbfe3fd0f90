import { request } from '@/api/request'

import type { Page } from '@/api/types'

import type { HandedOver, Handover, HandoverChoice, HandoverSummary, Third } from './types'

const LIMIT = 50

interface OfCall {
  call: { pbx?: string; linkedid: string; title: string; text: string; address: string }
  emergency: boolean
  ring: boolean
}
interface OfTicket {
  ticket: { id: number; version: number }
  emergency: boolean
}

export const policeApi = {
  handOver: (body: OfCall | OfTicket, idempotencyKey: string) =>
    request<HandedOver>('POST', '/police/handovers', { body, idempotencyKey }),
  page: ({ direction, state, undelivered }: HandoverChoice, cursor: string | null) =>
    request<Page<HandoverSummary>>('GET', '/police/handovers', { query: { direction, state, undelivered: undelivered || null, cursor, limit: LIMIT } }),
  one: (id: number) => request<Handover>('GET', `/police/handovers/${id}`),
  ofTicket: (id: number) => request<{ items: Handover[] }>('GET', `/tickets/${id}/police`),
  resend: (id: number) => request<Handover>('POST', `/police/handovers/${id}/resend`),
  third: (linkedid: string) => request<Third>('GET', `/police/calls/${encodeURIComponent(linkedid)}`),
  dismiss: (thirdId: string) => request<undefined>('DELETE', `/police/calls/${thirdId}`),
}
