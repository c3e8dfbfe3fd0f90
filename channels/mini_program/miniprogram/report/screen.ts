import type { FormView, Named } from '../api/types'
import { fill, type Words } from '../words/index'
import { type Draft, isSecret, lengthOf, STEPS, type StepName } from './draft'

/** One line of what is looked over before it is sent. */
export interface Line {
  step: StepName
  label: string
  value: string
}

export interface Choice {
  code: string
  label: string
  hint: string
}

const typeWord = (t: Words, code: string) => (t.type as Record<string, string>)[code] ?? code

/** The kinds of matter that the city takes, in its order; one that is new here goes by the name the server gives it. */
export function choicesOf(types: readonly Named[], t: Words, chinese: boolean): Choice[] {
  return types.map(({ code, name_zh, name_en }) => {
    const known = (t.type as Record<string, string>)[code]
    return { code, label: known ?? (chinese ? name_zh : name_en), hint: (t.type_hint as Record<string, string>)[code] ?? '' }
  })
}

export const stepText = (step: StepName, t: Words) => fill(t.report.step, { now: STEPS.indexOf(step) + 1, all: STEPS.length })

export const filesHint = ({ limits }: FormView, t: Words) => fill(t.report.files_hint, { files: limits.files, megabytes: limits.megabytes })

/** Whether a question may be left unanswered, and is: then the button says so. */
export function isSkipped(draft: Draft, step: StepName): boolean {
  if (step === 'place') return lengthOf(draft.place.address) === 0 && draft.place.latitude === null
  return step === 'files' && draft.pictures.length === 0
}

/** What the citizen looks over. */
export function linesOf(draft: Draft, phone: string, t: Words): Line[] {
  const { report } = t
  const named = [draft.name.trim(), phone].filter((part) => part !== '').join(' ')
  const who = [draft.anonymous ? report.check_anonymous : named || report.check_nothing, ...(isSecret(draft) ? [report.check_secret] : [])]
  const place = draft.place.address.trim() || (draft.place.latitude === null ? report.check_nothing : report.place_picked)
  return [
    { step: 'type', label: report.ask.type, value: typeWord(t, draft.type ?? '') },
    { step: 'text', label: report.ask.text, value: draft.text.trim() },
    { step: 'place', label: report.ask.place, value: place },
    { step: 'files', label: report.ask.files, value: draft.pictures.length === 0 ? report.check_nothing : fill(report.check_pictures, { count: draft.pictures.length }) },
    { step: 'who', label: report.ask.who, value: who.join(' · ') },
  ]
}
