import type { Field, Subject, Values, Verdict } from './fields'
import type { Casefile } from './types'

/** Something that a person can do to a ticket: where it is sent, what must be filled in, which ways of sending there are. */
export interface Action {
  path: (id: number, n: number | null) => string
  fields: readonly Field[]
  verdicts: readonly Verdict[]
  /** What is answered is not the ticket, and no version of it is asked for. */
  beside?: boolean
  /** Only what differs from the ticket is sent. */
  onlyChanged?: boolean
}

const SEND: readonly Verdict[] = [{ name: 'send', look: 'primary' }]
/** Whoever refuses says why. */
const DECIDE: readonly Verdict[] = [
  { name: 'approve', adds: { approve: true }, look: 'primary' },
  { name: 'refuse', adds: { approve: false }, needs: ['reason'], look: 'danger' },
]
const REASON: Field = { name: 'reason', kind: 'text', required: true, least: 2, most: 500 }
const DECISION: Field = { name: 'reason', kind: 'text', least: 2, most: 500 }

const ofTicket = (what: string) => (id: number) => `/tickets/${id}/${what}`
const ofAssignment = (what: string) => (id: number, n: number | null) => `/tickets/${id}/assignments/${n ?? 0}/${what}`

const assignmentOf = ({ ticket, n }: Subject) => ticket.assignments.find((one) => one.n === n)
const OPEN = new Set(['dispatched', 'in_hand', 'replied'])

/** Helpers of this round that have not replied: whoever replies without them says why. */
export function openHelpers(ticket: Casefile): string[] {
  return ticket.assignments.filter(({ role, state }) => role === 'helper' && (state === 'dispatched' || state === 'in_hand')).map(({ unit }) => unit)
}

/** The most days of an extension: the original length, as the limit tells it (`10wd`, `24h`). */
export function longestExtension(limit: string | undefined): number {
  const found = /^(\d+)(wd|wh|d|h)$/.exec(limit ?? '')
  if (found === null) return 0
  const perDay = { wd: 1, d: 1, h: 24, wh: 8 }[found[2] as 'wd' | 'd' | 'h' | 'wh']
  return Math.floor(Number(found[1]) / perDay)
}

/** A moment in milliseconds as a field for a moment wants it: the wall clock, without a zone. */
export function wallClock(at: number): string {
  const moment = new Date(at - new Date(at).getTimezoneOffset() * 60_000)
  return moment.toISOString().slice(0, 16)
}

const REPLY: readonly Field[] = [
  { name: 'text', kind: 'text', required: true, least: 2, most: 4000 },
  { name: 'measures', kind: 'text', most: 2000 },
  { name: 'contacted', kind: 'yesno', required: true },
  { name: 'attachments', kind: 'files' },
  {
    name: 'without_helpers',
    kind: 'line',
    required: true,
    least: 2,
    most: 500,
    shown: (_values, subject) => assignmentOf(subject)?.role === 'lead' && openHelpers(subject.ticket).length > 0,
  },
]

/** Once nobody works on a ticket any more, its citizen can be hidden, and nothing else is put right. */
const CORRECTABLE = new Set(['registered', 'to_dispatch', 'dispatched', 'in_hand', 'replied'])
const correctable = (_values: Values, { ticket }: Subject) => CORRECTABLE.has(ticket.state)

const AMEND: readonly Field[] = [
  { name: 'title', kind: 'line', required: true, least: 2, most: 60, initial: ({ ticket }) => ticket.title, shown: correctable },
  { name: 'address', kind: 'line', most: 200, initial: ({ ticket }) => ticket.address ?? '', shown: correctable },
  { name: 'type', kind: 'choice', options: ['inquiry', 'help', 'complaint', 'report', 'suggestion', 'praise'], initial: ({ ticket }) => ticket.type, shown: correctable },
  { name: 'category', kind: 'category', required: true, initial: ({ ticket }) => ticket.category, shown: correctable },
  { name: 'urgency', kind: 'choice', options: ['normal', 'urgent', 'critical'], initial: ({ ticket }) => ticket.urgency, shown: correctable },
  { name: 'confidential', kind: 'check', initial: ({ ticket }) => ticket.confidential },
  REASON,
]

const LANE: readonly Field[] = [
  { name: 'lane', kind: 'choice', required: true, options: ['at_once', 'complex', 'unreasonable'] },
  { name: 'text', kind: 'text', required: true, least: 2, most: 2000, shown: ({ lane }) => lane === 'complex' || lane === 'unreasonable' },
  { name: 'talk_by', kind: 'moment', required: true, shown: ({ lane }) => lane === 'complex' },
]

export const GROUNDS = ['not_ours', 'wrong_place', 'duplicate', 'not_enough', 'other'] as const

const RETURN: readonly Field[] = [
  { name: 'grounds', kind: 'choice', required: true, options: GROUNDS },
  { name: 'text', kind: 'text', required: true, least: 2, most: 2000 },
  { name: 'suggested_unit', kind: 'unit', shown: ({ grounds }) => grounds === 'not_ours' || grounds === 'wrong_place' },
]

const EXTENSION: readonly Field[] = [
  { name: 'days', kind: 'number', required: true, most: (subject) => longestExtension(assignmentOf(subject)?.limit) },
  REASON,
]

/** Limits that a dispatcher may give instead of the one by rule. */
export const LIMITS = ['2h', '24h', '1wd', '3wd', '5wd', '10wd', '15wd'] as const

const DISPATCH: readonly Field[] = [
  { name: 'lead', kind: 'unit', required: true },
  { name: 'helpers', kind: 'units' },
  { name: 'designated', kind: 'check' },
  { name: 'limit', kind: 'choice', options: LIMITS },
  { name: 'note', kind: 'text', most: 500 },
]

/** By the word that the server's `actions` begin with. */
export const ACTIONS = {
  sign: { path: ofAssignment('sign'), fields: [], verdicts: SEND },
  reply: { path: ofAssignment('reply'), fields: REPLY, verdicts: SEND },
  return: { path: ofAssignment('return'), fields: RETURN, verdicts: SEND },
  extension: { path: ofAssignment('extension'), fields: EXTENSION, verdicts: SEND },
  help: { path: ofAssignment('help'), fields: [{ name: 'units', kind: 'units', required: true }, REASON], verdicts: SEND },
  lane: { path: ofAssignment('lane'), fields: LANE, verdicts: SEND },
  talk: {
    path: ofAssignment('talk'),
    fields: [
      { name: 'talked_at', kind: 'moment', required: true, initial: () => wallClock(Date.now()) },
      { name: 'text', kind: 'text', required: true, least: 2, most: 2000 },
    ],
    verdicts: SEND,
  },
  answer: { path: ofTicket('answer'), fields: [{ name: 'text', kind: 'text', required: true, least: 2, most: 4000 }], verdicts: SEND },
  dispatch: { path: ofTicket('dispatch'), fields: DISPATCH, verdicts: SEND },
  join: { path: ofTicket('join'), fields: [], verdicts: SEND },
  helpers: {
    path: ofTicket('helpers'),
    fields: [{ name: 'units', kind: 'units', required: true }, { name: 'note', kind: 'text', most: 500 }],
    verdicts: SEND,
  },
  return_decision: { path: ofAssignment('return/decision'), fields: [DECISION], verdicts: DECIDE },
  extension_decision: { path: ofTicket('extension/decision'), fields: [DECISION], verdicts: DECIDE },
  help_decision: { path: ofTicket('help/decision'), fields: [DECISION], verdicts: DECIDE },
  lane_decision: { path: ofTicket('lane/decision'), fields: [DECISION], verdicts: DECIDE },
  stop_decision: { path: ofTicket('stop/decision'), fields: [DECISION], verdicts: DECIDE },
  audit: {
    path: ofTicket('audit'),
    fields: [DECISION],
    verdicts: [
      { name: 'accept', adds: { accept: true }, look: 'primary' },
      { name: 'send_back', adds: { accept: false }, needs: ['reason'], look: 'danger' },
    ],
  },
  redo: { path: ofTicket('redo'), fields: [REASON], verdicts: SEND },
  explain: { path: ofTicket('explain'), fields: [REASON], verdicts: SEND },
  not_accepted: {
    path: ofTicket('not-accepted'),
    fields: [
      { name: 'grounds', kind: 'text', required: true, least: 2, most: 500 },
      { name: 'where_to_turn', kind: 'line', required: true, least: 2, most: 500 },
    ],
    verdicts: SEND,
  },
  pass_on: {
    path: ofTicket('pass-on'),
    fields: [
      { name: 'platform', kind: 'line', required: true, least: 2, most: 60 },
      { name: 'reference', kind: 'line', most: 60 },
    ],
    verdicts: SEND,
  },
  passing: {
    path: ofTicket('passing'),
    fields: [
      { name: 'reference', kind: 'line', most: 60 },
      { name: 'reason', kind: 'text', least: 2, most: 500 },
    ],
    verdicts: [
      { name: 'confirm', adds: { confirmed: true }, look: 'primary' },
      { name: 'refuse', adds: { confirmed: false }, needs: ['reason'], look: 'danger' },
    ],
  },
  separate: { path: ofTicket('separate'), fields: [REASON], verdicts: SEND },
  stop: { path: ofTicket('stop'), fields: [REASON], verdicts: SEND },
  instruct: { path: ofTicket('instructions'), fields: [{ name: 'text', kind: 'text', required: true, least: 2, most: 2000 }], verdicts: SEND },
  amend: { path: ofTicket('amend'), fields: AMEND, verdicts: SEND, onlyChanged: true },
  told: {
    path: ofTicket('told'),
    fields: [
      { name: 'how', kind: 'choice', required: true, options: ['phone', 'message', 'letter', 'in_person'], initial: () => 'phone' },
      { name: 'text', kind: 'text', required: true, least: 2, most: 1000 },
    ],
    verdicts: SEND,
  },
  grant: {
    path: ofTicket('grants'),
    fields: [
      { name: 'user_number', kind: 'line', required: true, most: 20 },
      { name: 'hours', kind: 'number', required: true, most: 72, initial: () => '8' },
      REASON,
    ],
    verdicts: SEND,
    beside: true,
  },
} as const satisfies Record<string, Action>

export type ActionName = keyof typeof ACTIONS

export const actionOf = (name: ActionName): Action => ACTIONS[name]

/** What the server lets a person do, as `name` and the assignment it concerns. */
export interface Allowed {
  name: string
  n: number | null
}

export function allowed(actions: readonly string[]): Allowed[] {
  return actions.map((action) => {
    const [name = '', n] = action.split(':')
    return { name, n: n === undefined ? null : Number(n) }
  })
}

/** Whether an assignment still lies with its unit. */
export const isOpen = ({ state }: { state: string }) => OPEN.has(state)
