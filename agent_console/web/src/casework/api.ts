import { request } from '@/api/request'
import type { Page } from '@/api/types'

import type { Casefile, DeadlinePreview, SimilarTicket, Suggestion, Unit } from './types'

export const casework = {
  ticket: (id: number) => request<Casefile>('GET', `/tickets/${id}`),
  /** Every change of a ticket carries the version that the person looked at. */
  act: (path: string, body: Record<string, unknown> & { version: number }, idempotencyKey: string) =>
    request<Casefile>('POST', path, { body, idempotencyKey }),
  /** The same for what does not change the ticket itself. */
  actBeside: (path: string, body: Record<string, unknown>, idempotencyKey: string) =>
    request<unknown>('POST', path, { body, idempotencyKey }),
  units: () => request<Page<Unit>>('GET', '/units'),
  suggestions: (id: number) => request<{ items: Suggestion[] }>('GET', `/tickets/${id}/suggestions`),
  similar: (id: number) => request<{ items: SimilarTicket[] }>('GET', `/tickets/${id}/similar`),
  previewDeadline: (query: { type: string; urgency: string; limit?: string }) =>
    request<DeadlinePreview>('GET', '/deadlines/preview', { query }),
  revealNumber: (id: number, purpose: string) =>
    request<{ number: string }>('POST', `/tickets/${id}/reveal-number`, { body: { purpose } }),
  attachmentAddress: (id: number) => `/api/v1/attachments/${id}`,
}
