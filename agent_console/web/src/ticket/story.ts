/** The readable part of an event's detail: a text, or the text inside it. Ids and codes stay out. */
export function noteOf(detail: unknown): string {
  if (typeof detail === 'string') return detail
  if (typeof detail !== 'object' || detail === null) return ''
  for (const key of ['text', 'answer', 'reason', 'note']) {
    const value = (detail as Record<string, unknown>)[key]
    if (typeof value === 'string') return value
  }
  return ''
}
