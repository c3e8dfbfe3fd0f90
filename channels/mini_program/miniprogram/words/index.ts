import { Refused } from '../api/problems'
import { language, type Language } from '../look/preferences'
import { en } from './en'
import { type Words, zh } from './zh'

export type { Words }

export const wordsIn = (spoken: Language): Words => (spoken === 'zh' ? zh : en)
export const words = () => wordsIn(language())

/** Puts values into the places of a text. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place))
}

/** What went wrong and what to do, in one sentence. */
export function sentence(error: unknown, spoken: Language = language()): string {
  const t = wordsIn(spoken)
  if (!(error instanceof Refused)) return t.app.away
  if (error.later && error.retryAfter > 0) return fill(t.app.busy, { seconds: Math.ceil(error.retryAfter) })
  const [field] = error.fields
  const { detail_zh, detail_en, title_zh, title_en } = error.details
  const told = spoken === 'zh' ? (field?.message_zh ?? detail_zh ?? title_zh) : (field?.message_en ?? detail_en ?? title_en)
  return told === undefined || told === '' ? t.app.refused : told
}
