/** 138****5678: what a screen may show of a number. Short service numbers stay whole. */
export function masked(number: string): string {
  const digits = number.replace(/\D/g, '').replace(/^86(?=1\d{10}$)/, '')
  if (digits.length < 7) return digits
  return `${digits.slice(0, 3)}****${digits.slice(-4)}`
}

/**
 * What was typed, as digits that can be dialled; null when it is no number. Domestic numbers end at
 * twelve digits, and a ticket's number, which is longer, must not be dialled by mistake.
 */
export function dialable(text: string): string | null {
  const compact = text.replace(/[\s\-()]/g, '')
  const digits = compact.replace(/^\+?86(?=1\d{10}$)/, '')
  return /^\d{3,12}$/.test(digits) ? digits : null
}

/** 138 0001 5678: digits in groups that can be read aloud. */
export function grouped(number: string): string {
  return /^1\d{10}$/.test(number) ? number.replace(/^(\d{3})(\d{4})(\d{4})$/, '$1 $2 $3') : number
}
