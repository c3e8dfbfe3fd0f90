import type { Ratio } from '@/api/types'

import { clockText } from './time'

/** A percentage with one decimal; "—" without a denominator; 100 % only when all of them are. */
export function percentText({ numerator, denominator }: Ratio): string {
  if (denominator <= 0) return '—'
  if (numerator >= denominator) return '100%'
  const tenths = Math.min(999, Math.round((numerator * 1000) / denominator))
  return `${(tenths / 10).toFixed(1)}%`
}

/** A mean number of seconds as 03:12; "—" when nothing was counted. */
export function meanClockText({ numerator, denominator }: Ratio): string {
  return denominator <= 0 ? '—' : clockText(Math.round(numerator / denominator))
}
