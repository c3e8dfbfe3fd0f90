/** Periods of whole days as `2026-03-02`, both ends included. Days are the city's, taken from the server's clock. */

export const PERIODS = ['today', 'week', 'month', 'last_month', 'year'] as const
export type PeriodName = (typeof PERIODS)[number]

export interface Days {
  first: string
  last: string
}

const two = (n: number) => String(n).padStart(2, '0')
export const dayText = (day: Date): string => `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`

/** The days of a named period up to today; `now` is the server's clock in milliseconds. */
export function daysOf(period: PeriodName, now: number): Days {
  const today = new Date(now)
  const [year, month, date] = [today.getFullYear(), today.getMonth(), today.getDate()]
  const last = dayText(today)
  switch (period) {
    case 'today':
      return { first: last, last }
    case 'week':
      // The week begins on Monday.
      return { first: dayText(new Date(year, month, date - ((today.getDay() + 6) % 7))), last }
    case 'month':
      return { first: dayText(new Date(year, month, 1)), last }
    case 'last_month':
      return { first: dayText(new Date(year, month - 1, 1)), last: dayText(new Date(year, month, 0)) }
    case 'year':
      return { first: dayText(new Date(year, 0, 1)), last }
  }
}

/** The named period that these days are; null for days of one's own choice. */
export function periodOf(days: Days, now: number): PeriodName | null {
  return PERIODS.find((name) => {
    const named = daysOf(name, now)
    return named.first === days.first && named.last === days.last
  }) ?? null
}

/** The days of a row that stands for a step of time, cut to the period that was asked for. */
export function stepDays(size: 'day' | 'week' | 'month', start: string, within: Days): Days {
  const [year = 0, month = 1, date = 1] = start.split('-').map(Number)
  const end = size === 'day' ? new Date(year, month - 1, date) : size === 'week' ? new Date(year, month - 1, date + 6) : new Date(year, month, 0)
  const last = dayText(end)
  return { first: start < within.first ? within.first : start, last: last > within.last ? within.last : last }
}
