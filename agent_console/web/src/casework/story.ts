import type { TicketEvent } from '@/api/types'
import { timeLeft, type TimeLeft } from '@/domain/due'

import type { Casefile } from './types'

/** One line under an event: what kind of value it is tells the page how to write it. */
export interface Note {
  kind: 'words' | 'unit' | 'units' | 'moment' | 'days' | 'limit' | 'code' | 'rating' | 'yes' | 'change' | 'files'
  /** Its name is `note.<name>`; words of a person stand without one. */
  name: string
  value: unknown
}

const KINDS: Readonly<Record<string, Note['kind']>> = {
  lead: 'unit',
  helpers: 'units',
  units: 'units',
  limit: 'limit',
  due_at: 'moment',
  lane: 'code',
  talk_by: 'moment',
  talked_at: 'moment',
  days: 'days',
  suggested_unit: 'unit',
  how: 'code',
  platform: 'words',
  reference: 'words',
  main_number: 'words',
  grounds: 'code',
  text: 'words',
  measures: 'words',
  reason: 'words',
  note: 'words',
  without_helpers: 'words',
  where_to_turn: 'words',
  rating: 'rating',
  by_rule: 'yes',
  unit_gone: 'yes',
  link_sent: 'yes',
  attachments: 'files',
}

const isBlank = (value: unknown) => value === null || value === undefined || value === '' || value === false || (Array.isArray(value) && value.length === 0)

/** The readable lines of an event's detail, in a fixed order; ids and what nobody reads stay out. */
export function notesOf(detail: unknown): Note[] {
  if (typeof detail !== 'object' || detail === null) return []
  const { terms, changes, was, ...rest } = detail as Record<string, unknown>
  const flat: Record<string, unknown> = { ...rest, ...(typeof terms === 'object' ? terms : {}) }
  const notes = Object.entries(KINDS)
    .filter(([name]) => !isBlank(flat[name]))
    .map(([name, kind]): Note => ({ kind, name, value: flat[name] }))
  const earlier = (was ?? {}) as Record<string, unknown>
  for (const [name, value] of Object.entries((changes ?? {}) as Record<string, unknown>)) {
    notes.push({ kind: 'change', name, value: [earlier[name], value] })
  }
  return notes
}

/** How an event kept its limit: what was left of it then, or by how much it was late; null when it has none. */
export function keptLimit(event: TicketEvent, ticket: Casefile): TimeLeft | null {
  const n = (event.detail as { n?: number } | null)?.n
  const assignment = ticket.assignments.find((one) => one.n === n)
  if (assignment === undefined) return null
  const due = /signed$/.test(event.event) ? assignment.sign_due_at : /replied$/.test(event.event) ? assignment.due_at : null
  return timeLeft(due, Date.parse(event.at))
}

export interface Step {
  key: 'sign' | 'reply' | 'audit' | 'callback' | 'dispatch'
  unit: string
  due: string | null
}

/** What must happen next, as the end of the story that is not written yet. */
export function nextSteps(ticket: Casefile): Step[] {
  if (ticket.state === 'to_dispatch') return [{ key: 'dispatch', unit: '', due: null }]
  if (ticket.state === 'done' || ticket.state === 'closed') return [{ key: 'callback', unit: '', due: null }]
  const open = ticket.assignments.filter(({ state }) => state === 'dispatched' || state === 'in_hand')
  const steps = open.map((one): Step => {
    const sign = one.state === 'dispatched'
    return { key: sign ? 'sign' : 'reply', unit: one.unit, due: sign ? one.sign_due_at : one.due_at }
  })
  return ticket.state === 'replied' ? [...steps, { key: 'audit', unit: '', due: null }] : steps
}
