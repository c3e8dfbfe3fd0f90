import { request } from './request'
import type {
  Call, CallContext, Category, Figures, NewTicket, Page, PhoneAccount, Presence, SavedDraft, Session, Ticket,
  TicketNote, TicketReply, TicketSummary,
} from './types'

export const api = {
  logIn: (number: string, password: string) => request<Session>('POST', '/session', { body: { number, password } }),
  session: () => request<Session>('GET', '/session'),
  logOut: () => request<undefined>('DELETE', '/session'),
  phone: () => request<PhoneAccount>('GET', '/session/phone'),

  presence: () => request<Presence>('GET', '/presence'),
  setPresence: (state: 'online' | 'paused', reason?: string) =>
    request<Presence | undefined>('PUT', '/presence', { body: reason === undefined ? { state } : { state, reason } }),

  currentCall: () => request<{ call?: Call | null }>('GET', '/calls/current'),
  calls: (cursor?: string | null) => request<Page<Call>>('GET', '/calls', { query: { cursor, limit: 50 } }),
  call: (id: number) => request<Call>('GET', `/calls/${id}`),
  callContext: (id: number) => request<CallContext>('GET', `/calls/${id}/context`),
  revealNumber: (id: number, purpose: string) =>
    request<{ number: string }>('POST', `/calls/${id}/reveal-number`, { body: { purpose } }),
  recordingAddress: (callId: number) => `/api/v1/recordings/${callId}`,

  categories: () => request<{ items: Category[] }>('GET', '/categories'),
  myTickets: (cursor?: string | null) =>
    request<Page<TicketSummary>>('GET', '/tickets', { query: { mine: true, cursor, limit: 50 } }),
  ticket: (id: number) => request<Ticket>('GET', `/tickets/${id}`),
  ticketReplies: (id: number) => request<{ items: TicketReply[] }>('GET', `/tickets/${id}/replies`),
  ticketNotes: (id: number) => request<{ items: TicketNote[] }>('GET', `/tickets/${id}/notes`),
  createTicket: (body: NewTicket, idempotencyKey: string) =>
    request<Ticket>('POST', '/tickets', { body, idempotencyKey }),
  answerTicket: (id: number, body: { version: number; text: string; attachments: number[] }, idempotencyKey: string) =>
    request<Ticket>('POST', `/tickets/${id}/answer`, { body, idempotencyKey }),

  draft: (callId: number) => request<SavedDraft>('GET', `/drafts/${callId}`),
  saveDraft: (callId: number, body: Partial<NewTicket>, keepalive = false) =>
    request<undefined>('PUT', `/drafts/${callId}`, { body, keepalive }),

  figures: () => request<Figures>('GET', '/figures/today'),
}
