import { LIMITS } from '@/domain/ticket-form'
import type { DraftDesk } from '@/stores/drafts'

import type { Talk } from './types'

/** Where the form of a conversation is kept while it is being filled in. */
export const placeOf = (id: number): string => `talk-${id}`

/** What the citizen said in words of his own, one message a line; what only steers the guide is left out. */
export function citizensWords(talk: Talk): string {
  return talk.messages
    .filter(({ speaker, text }) => speaker === 'citizen' && text.trim().length > 2)
    .map(({ text }) => text.trim())
    .join('\n')
}

/** Fills an untouched form with what the citizen said, for the agent to mend; returns whether it did. */
export function fillFrom(desk: DraftDesk, talk: Talk): boolean {
  const words = citizensWords(talk)
  const place = talk.messages.findLast(({ address }) => address !== '')?.address ?? ''
  if (desk.draft.text !== '' || (words === '' && place === '')) return false
  desk.draft.text = [...words].slice(0, LIMITS.text[1]).join('')
  desk.draft.title ||= [...(words.split('\n')[0] ?? '')].slice(0, LIMITS.title[1]).join('')
  desk.draft.address ||= [...place].slice(0, LIMITS.address[1]).join('')
  desk.draft.citizen_name ||= talk.citizen?.name ?? ''
  desk.draft.handling = 'dispatch'
  return true
}
