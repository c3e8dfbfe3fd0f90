import type { FieldProblem } from '@/api/types'

import type { NewPaper, PaperAction, Rung } from './types'

/** What stands in the fields of a new paper; paragraphs are lines. */
export interface Draft {
  rung: Rung
  n: number | null
  main: string[]
  copies: string[]
  grounds: string
  demands: string
  days: string
  at: string
  place: string
  participants: string
  leader: string
  measures: string
}

export interface Trouble {
  field: string
  /** Its words are `paper.problem.<key>`. */
  key: 'needed' | 'long' | 'days' | 'past' | 'twice'
  most?: number
}

export const LIMITS = { grounds: 500, place: 100, leader: 60, line: 500, lines: 20, days: 60, reply: 4000, text: 4000, attended: 500, conclusion: 1000 } as const

export const emptyDraft = (rung: Rung, n: number | null, main: string[]): Draft => ({
  rung, n, main, copies: [], grounds: '', demands: '', days: '', at: '', place: '', participants: '', leader: '', measures: '',
})

/** Every line that says something is a paragraph. */
export const linesOf = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter((line) => line !== '')

const tooLong = (text: string, most: number) => [...text.trim()].length > most
const isNumberOfDays = (text: string) => /^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= LIMITS.days

function troubleOfLines(field: string, text: string, needed: boolean): Trouble[] {
  const lines = linesOf(text)
  if (needed && lines.length === 0) return [{ field, key: 'needed' }]
  if (lines.length > LIMITS.lines) return [{ field, key: 'long', most: LIMITS.lines }]
  return lines.some((line) => tooLong(line, LIMITS.line)) ? [{ field, key: 'long', most: LIMITS.line }] : []
}

function troubleOfText(field: string, text: string, least: number, most: number): Trouble[] {
  if ([...text.trim()].length < least) return [{ field, key: 'needed' }]
  return tooLong(text, most) ? [{ field, key: 'long', most }] : []
}

/** What must be mended before a paper can be issued. `now` is the server's clock in milliseconds. */
export function troublesOf(draft: Draft, now: number): Trouble[] {
  const found: Trouble[] = []
  if (draft.main.length === 0) found.push({ field: 'main', key: 'needed' })
  if (draft.copies.some((code) => draft.main.includes(code))) found.push({ field: 'copies', key: 'twice' })
  found.push(...troubleOfText('grounds', draft.grounds, 4, LIMITS.grounds), ...troubleOfLines('demands', draft.demands, false))
  if (draft.rung !== 'meeting' && draft.days !== '' && !isNumberOfDays(draft.days)) found.push({ field: 'days', key: 'days', most: LIMITS.days })
  if (draft.rung === 'meeting') {
    if (draft.at === '') found.push({ field: 'at', key: 'needed' })
    else if (!(Date.parse(draft.at) > now)) found.push({ field: 'at', key: 'past' })
    found.push(...troubleOfText('place', draft.place, 2, LIMITS.place), ...troubleOfLines('participants', draft.participants, true))
  }
  if (draft.rung === 'listed') {
    found.push(...troubleOfText('leader', draft.leader, 2, LIMITS.leader), ...troubleOfLines('measures', draft.measures, true))
  }
  return found
}

/** What is sent; of the fields of other rungs nothing. */
export function bodyOf(draft: Draft, ticketId: number): NewPaper {
  return {
    rung: draft.rung,
    ticket_id: ticketId,
    n: draft.n,
    main: draft.main,
    copies: draft.copies,
    grounds: draft.grounds.trim(),
    demands: linesOf(draft.demands),
    reply_days: draft.rung === 'meeting' || draft.days === '' ? null : Number(draft.days),
    meeting:
      draft.rung === 'meeting'
        ? { at: new Date(draft.at).toISOString(), place: draft.place.trim(), participants: linesOf(draft.participants) }
        : null,
    listing: draft.rung === 'listed' ? { leader: draft.leader.trim(), measures: linesOf(draft.measures) } : null,
  }
}

const PLACES: Record<string, string> = {
  rung: 'rung', main: 'main', copies: 'copies', grounds: 'grounds', demands: 'demands', reply_days: 'days',
  'meeting/at': 'at', 'meeting/place': 'place', 'meeting/participants': 'participants', 'listing/leader': 'leader', 'listing/measures': 'measures',
}

/** The field of the form that a complaint of the server belongs to; empty when it has none. */
export function fieldAt(problem: Pick<FieldProblem, 'pointer'>): string {
  const path = problem.pointer.replace(/^\//, '')
  return PLACES[path] ?? PLACES[path.split('/').slice(0, 2).join('/')] ?? PLACES[path.split('/')[0] ?? ''] ?? ''
}

/** What the small forms about an issued paper ask for. */
export interface Act {
  action: PaperAction
  fields: { name: 'text' | 'attended' | 'decisions' | 'days'; kind: 'text' | 'line' | 'lines' | 'number'; needed: boolean; most: number }[]
  files: boolean
  danger: boolean
}

const conclusion = (action: PaperAction, danger = false): Act => ({
  action, fields: [{ name: 'text', kind: 'text', needed: true, most: LIMITS.conclusion }], files: false, danger,
})

export const ACTS: Record<PaperAction, Act> = {
  read: { action: 'read', fields: [], files: false, danger: false },
  reply: { action: 'reply', fields: [{ name: 'text', kind: 'text', needed: true, most: LIMITS.reply }], files: true, danger: false },
  mend: { action: 'mend', fields: [{ name: 'text', kind: 'text', needed: true, most: LIMITS.reply }], files: true, danger: false },
  minutes: {
    action: 'minutes',
    fields: [
      { name: 'attended', kind: 'line', needed: true, most: LIMITS.attended },
      { name: 'text', kind: 'text', needed: true, most: LIMITS.text },
      { name: 'decisions', kind: 'lines', needed: true, most: LIMITS.line },
      { name: 'days', kind: 'number', needed: false, most: LIMITS.days },
    ],
    files: false,
    danger: false,
  },
  close: conclusion('close'),
  delist: conclusion('delist'),
  withdraw: conclusion('withdraw', true),
}

export type ActValues = Record<'text' | 'attended' | 'decisions' | 'days', string>

/** What must be mended in a small form. */
export function actTroubles(act: Act, values: ActValues): Trouble[] {
  return act.fields.flatMap(({ name, kind, needed, most }): Trouble[] => {
    const value = values[name]
    if (kind === 'lines') return troubleOfLines(name, value, needed)
    if (kind === 'number') return value === '' || isNumberOfDays(value) ? [] : [{ field: name, key: 'days', most }]
    return troubleOfText(name, value, needed ? 2 : 0, most)
  })
}

/**
 * What a small form sends; nothing when it has no fields.
 *
 * @param mine the recipient that mends its reply: it names the one that it has before it.
 */
export function actBody(
  act: Act, values: ActValues, attachments: number[], mine?: { replied_at: string | null; mended_at: string | null },
): Record<string, unknown> | undefined {
  if (act.fields.length === 0) return undefined
  const body: Record<string, unknown> = {}
  for (const { name, kind } of act.fields) {
    if (kind === 'lines') body[name] = linesOf(values[name])
    else if (kind === 'number') body.reply_days = values[name] === '' ? null : Number(values[name])
    else body[name] = values[name].trim()
  }
  if (act.action === 'mend') body.mends = mine?.mended_at ?? mine?.replied_at ?? null
  return act.files ? { ...body, attachments } : body
}
