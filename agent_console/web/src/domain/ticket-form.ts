import type { FieldProblem, NewTicket, TicketType, Urgency } from '@/api/types'

/** What an agent has typed so far. Nothing here need be valid yet. */
export interface TicketDraft {
  type: TicketType | null
  category: string
  title: string
  text: string
  address: string
  urgency: Urgency
  confidential: boolean
  call_me_not: boolean
  citizen_name: string
  callback_phone: string
  handling: 'answer' | 'dispatch'
  answer: string
}

export const TYPES: readonly TicketType[] = ['inquiry', 'help', 'complaint', 'report', 'suggestion', 'praise']
export const URGENCIES: readonly Urgency[] = ['normal', 'urgent', 'critical']

export const LIMITS = { title: [2, 60], text: [2, 4000], address: [0, 200], citizen_name: [0, 40], answer: [2, 4000] } as const

/** A problem found on this page: the message is a key, so it follows the language. */
export interface FormProblem {
  pointer: string
  key: string
  params: Record<string, number>
}

export function emptyDraft(): TicketDraft {
  return {
    type: null,
    category: '',
    title: '',
    text: '',
    address: '',
    urgency: 'normal',
    confidential: false,
    call_me_not: false,
    citizen_name: '',
    callback_phone: '',
    handling: 'answer',
    answer: '',
  }
}

/** Characters as a reader counts them: one emoji or rare Chinese character is one. */
export function lengthOf(text: string): number {
  return [...text.trim()].length
}

function lengthProblem(pointer: string, text: string, [least, most]: readonly [number, number]): FormProblem | null {
  const length = lengthOf(text)
  if (length === 0 && least > 0) return { pointer, key: 'form.problem.required', params: {} }
  if (length < least) return { pointer, key: 'form.problem.short', params: { least } }
  if (length > most) return { pointer, key: 'form.problem.long', params: { most, over: length - most } }
  return null
}

/** Every problem of a draft, in the order of the form; empty when it can be sent. */
export function problemsOf(draft: TicketDraft): FormProblem[] {
  const found: (FormProblem | null)[] = [
    draft.type === null ? { pointer: '/type', key: 'form.problem.choose', params: {} } : null,
    draft.category === '' ? { pointer: '/category', key: 'form.problem.choose', params: {} } : null,
    lengthProblem('/address', draft.address, LIMITS.address),
    lengthProblem('/title', draft.title, LIMITS.title),
    lengthProblem('/text', draft.text, LIMITS.text),
    lengthProblem('/citizen_name', draft.citizen_name, LIMITS.citizen_name),
    draft.handling === 'answer' ? lengthProblem('/answer/text', draft.answer, LIMITS.answer) : null,
  ]
  return found.filter((problem) => problem !== null)
}

/** The request for a draft that has no problems. */
export function requestOf(draft: TicketDraft, callId: number | null, contactId: number | null): NewTicket {
  const name = draft.citizen_name.trim()
  const phone = draft.callback_phone.trim()
  return {
    call_id: callId,
    contact_id: contactId,
    ...(callId === null && contactId === null ? { channel: 'counter' as const } : {}),
    type: draft.type ?? 'inquiry',
    category: draft.category,
    title: draft.title.trim(),
    text: draft.text.trim(),
    address: draft.address.trim(),
    urgency: draft.urgency,
    confidential: draft.confidential,
    call_me_not: draft.call_me_not,
    ...(name === '' ? {} : { citizen_name: name }),
    ...(phone === '' ? {} : { callback_phone: phone }),
    answer: draft.handling === 'answer' ? { text: draft.answer.trim() } : null,
  }
}

/** What is kept on the server while the agent types: only what differs from an empty form. */
export function savedBody(draft: TicketDraft): Partial<NewTicket> {
  const empty = emptyDraft()
  const body: Record<string, unknown> = {}
  for (const key of Object.keys(empty) as (keyof TicketDraft)[]) {
    if (key !== 'handling' && key !== 'answer' && draft[key] !== empty[key]) body[key] = draft[key]
  }
  // An explicit null tells "left open for dispatch" from "answer not typed yet".
  if (draft.handling === 'dispatch') body.answer = null
  else if (draft.answer !== '') body.answer = { text: draft.answer }
  return body as Partial<NewTicket>
}

/** The draft that `savedBody` wrote; unknown keys and wrong types are left out. */
export function draftOf(body: Record<string, unknown>): TicketDraft {
  const draft = emptyDraft()
  const fill = draft as unknown as Record<string, unknown>
  for (const [key, empty] of Object.entries(emptyDraft())) {
    if (key !== 'handling' && key !== 'answer' && typeof body[key] === typeof (empty ?? '')) fill[key] = body[key]
  }
  if (draft.type !== null && !TYPES.includes(draft.type)) draft.type = null
  if (!URGENCIES.includes(draft.urgency)) draft.urgency = 'normal'
  if (body.answer === null) draft.handling = 'dispatch'
  else if (typeof body.answer === 'object' && body.answer !== null && 'text' in body.answer) {
    draft.answer = String(body.answer.text)
  }
  return draft
}

/** The field of the form that a server's pointer means; "" when the form has none such. */
export function fieldOf(problem: FieldProblem): string {
  const pointer = problem.pointer.replace(/^#/, '')
  if (pointer === '/answer') return '/answer/text'
  const fields = ['/type', '/category', '/title', '/text', '/address', '/urgency', '/citizen_name', '/callback_phone', '/answer/text']
  return fields.includes(pointer) ? pointer : ''
}
