import { calledBy } from '@/domain/people'

import type { Attachment, Casefile } from './types'

/** A leader's instruction, as the story tells it. */
export interface Instruction {
  seq: number
  at: string
  who: string | null
  text: string
}

/** What a unit has said in reply. */
export interface Reply {
  at: string
  text: string
  measures: string
  contacted: boolean
  withoutHelpers: string
  files: Attachment[]
}

const detailOf = (detail: unknown) => (typeof detail === 'object' && detail !== null ? (detail as Record<string, unknown>) : {})
const words = (value: unknown) => (typeof value === 'string' ? value : '')

/** The newest first, as the newest counts. */
export function instructionsOf(ticket: Casefile): Instruction[] {
  return ticket.events
    .filter(({ event }) => event === 'instructed')
    .map(({ seq, at, actor, detail }) => ({ seq, at, who: actor ? calledBy(ticket.people, actor) : null, text: words(detailOf(detail).text) }))
    .reverse()
}

/** The last reply of an assignment that was not sent back since; null without one. */
export function replyOf(ticket: Casefile, n: number): Reply | null {
  const found = ticket.events.findLast(({ event, detail }) => (event === 'replied' || event === 'helper_replied') && detailOf(detail).n === n)
  if (found === undefined) return null
  const told = detailOf(found.detail)
  const ids = Array.isArray(told.attachments) ? told.attachments : []
  return {
    at: found.at,
    text: words(told.text),
    measures: words(told.measures),
    contacted: told.contacted === true,
    withoutHelpers: words(told.without_helpers),
    files: ticket.attachments.filter(({ id }) => ids.includes(id)),
  }
}

/** The files that came with the matter itself rather than with a reply or an answer. */
export function citizensFiles(ticket: Casefile): Attachment[] {
  const replied = new Set([
    ...ticket.assignments.flatMap(({ n }) => replyOf(ticket, n)?.files.map(({ id }) => id) ?? []),
    ...ticket.events.filter(({ event }) => event === 'answered').flatMap(({ detail }) => detailOf(detail).attachments as number[] | undefined ?? []),
  ])
  return ticket.attachments.filter(({ id }) => !replied.has(id))
}
