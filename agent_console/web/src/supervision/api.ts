import { request } from '@/api/request'
import type { Page } from '@/api/types'

import type { Box, Boxes, Choice, Letter, ListedMatter, NewPaper, Paper, PaperAction, PaperSummary, Rung } from './types'

export const supervision = {
  summary: () => request<Boxes>('GET', '/supervision/summary'),
  papers: (box: Box, choice: Choice, cursor: string | null, limit: number) =>
    request<Page<PaperSummary>>('GET', '/supervision/papers', { query: { box, ...choice, cursor, limit } }),
  ofTicket: (ticketId: number) => request<{ items: PaperSummary[]; next_rung: Rung | null }>('GET', `/tickets/${ticketId}/papers`),
  paper: (id: number) => request<Paper>('GET', `/supervision/papers/${id}`),
  listed: () => request<{ items: ListedMatter[] }>('GET', '/supervision/listed'),
  /** A reply is mended by another reply that names the one it puts right. */
  act: (id: number, action: PaperAction, body: unknown, idempotencyKey: string) =>
    request<Paper>('POST', `/supervision/papers/${id}/${action === 'mend' ? 'reply' : action}`, { body, idempotencyKey }),
  preview: (body: NewPaper) => request<{ letter: Letter; hidden: boolean }>('POST', '/supervision/papers/preview', { body }),
  issue: (body: NewPaper, idempotencyKey: string) => request<Paper>('POST', '/supervision/papers', { body, idempotencyKey }),
  documentAddress: (id: number, format: 'docx' | 'pdf') => `/api/v1/supervision/papers/${id}/document?format=${format}`,
  ledgerAddress: (choice: Choice, format: 'xlsx' | 'csv') => {
    const query = new URLSearchParams({ format })
    for (const [name, value] of Object.entries(choice)) if (value !== '') query.set(name, value)
    return `/api/v1/supervision/ledger?${query}`
  },
}
