import type { Limits, MatterType, NewReport } from '../api/types'

/** One question a screen, in this order. */
export const STEPS = ['type', 'text', 'place', 'files', 'who', 'check'] as const
export type StepName = (typeof STEPS)[number]

/** A picture or video that belongs to the report. */
export interface Picture {
  /** Ours for it, while it has no number of the server's. */
  key: string
  /** Where this telephone keeps it. */
  path: string
  video: boolean
  size: number
  /** The server's number, once it is there. */
  id: number | null
}

export interface Place {
  address: string
  /** Degrees of GCJ-02; both or neither. */
  latitude: number | null
  longitude: number | null
}

/** What a citizen is writing. `waiting`: it was sent and nobody has answered yet, so that nothing in it may change. */
export interface Draft {
  state: 'writing' | 'waiting'
  step: StepName
  type: MatterType | null
  text: string
  place: Place
  pictures: Picture[]
  anonymous: boolean
  confidential: boolean
  name: string
  /** Sent along, so that the same report sent again is the same matter. */
  key: string
}

export const NAME_LENGTH = 40
export const LEAST_TEXT = 5

export const newDraft = (key: string): Draft => ({
  state: 'writing',
  step: 'type',
  type: null,
  text: '',
  place: { address: '', latitude: null, longitude: null },
  pictures: [],
  anonymous: false,
  confidential: false,
  name: '',
  key,
})

/** Whether anything is in it that would be missed. */
export const isBegun = (draft: Draft) => draft.type !== null || draft.text.trim() !== '' || draft.pictures.length > 0 || draft.place.address !== ''

/** Characters as a reader counts them. */
export const lengthOf = (text: string) => [...text.trim()].length

export type TroubleKey = 'choose_type' | 'short' | 'long' | 'address_long' | 'name_long' | 'too_many' | 'too_large'

/** What must be mended before the next question is asked; null when nothing is wrong. */
export function troubleOf(draft: Draft, step: StepName, limits: Limits): TroubleKey | null {
  if (step === 'type') return draft.type === null ? 'choose_type' : null
  if (step === 'text') return lengthOf(draft.text) < LEAST_TEXT ? 'short' : lengthOf(draft.text) > limits.text ? 'long' : null
  if (step === 'place') return lengthOf(draft.place.address) > limits.address ? 'address_long' : null
  if (step === 'files') {
    if (draft.pictures.length > limits.files) return 'too_many'
    return draft.pictures.some(({ size }) => size > limits.megabytes * 1024 * 1024) ? 'too_large' : null
  }
  return step === 'who' && lengthOf(draft.name) > NAME_LENGTH ? 'name_long' : null
}

/** The first question whose answer does not hold; null when all do. */
export function firstTrouble(draft: Draft, limits: Limits): StepName | null {
  return STEPS.find((step) => troubleOf(draft, step, limits) !== null) ?? null
}

/** The question before or after; null at either end. */
export function neighbour(step: StepName, by: 1 | -1): StepName | null {
  return STEPS[STEPS.indexOf(step) + by] ?? null
}

/** Whoever reports wrongdoing is kept secret whether or not he asks. */
export const isSecret = (draft: Draft) => draft.type === 'report' || draft.confidential

/** Which question a field of the server's complaint belongs to. */
export function stepAt(pointer: string): StepName {
  const field = pointer.split('/')[1] ?? ''
  const places: Record<string, StepName> = {
    type: 'type', text: 'text', title: 'text', address: 'place', latitude: 'place', longitude: 'place',
    attachments: 'files', file: 'files', name: 'who', phone: 'who', anonymous: 'who', confidential: 'who',
  }
  return places[field] ?? 'check'
}

/** What is sent. Who is anonymous gives no name, whatever stands in the field. */
export function bodyOf(draft: Draft): NewReport {
  const { latitude, longitude } = draft.place
  return {
    type: draft.type ?? 'help',
    text: draft.text.trim(),
    title: '',
    address: draft.place.address.trim(),
    ...(latitude === null || longitude === null ? {} : { latitude, longitude }),
    name: draft.anonymous ? '' : draft.name.trim(),
    anonymous: draft.anonymous,
    confidential: isSecret(draft),
    attachments: draft.pictures.flatMap(({ id }) => (id === null ? [] : [id])),
  }
}
