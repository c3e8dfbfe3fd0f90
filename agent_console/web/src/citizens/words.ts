import type { KnownCitizen, Merge } from './api'

type Translate = (key: string) => string

/** By what somebody is told from others: name, masked number, and each kind of account once. */
export function whoIs(citizen: KnownCitizen, t: Translate): string[] {
  const accounts = new Map(citizen.known_by.map(({ kind, shown }) => [t(`same.known.${kind}`), shown]).reverse() as [string, string][])
  const parts = [citizen.name, citizen.phone_masked, ...[...accounts].reverse().map(([word, shown]) => `${word} ${shown}`)]
  return parts.filter((part): part is string => typeof part === 'string' && part !== '')
}

/** What is shown: the undecided, those joined, and what was decided just now, so that a slip can be taken back. */
export function toShow(merges: Merge[], touched: ReadonlySet<number>): Merge[] {
  return merges.filter(({ id, state }) => state === 'suggested' || state === 'confirmed' || touched.has(id))
}
