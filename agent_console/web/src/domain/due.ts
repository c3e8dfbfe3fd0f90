/** How long something has still time, in words that a list can be read by. `now` is the server's clock. */

export type DueKind = 'calm' | 'soon' | 'overdue'

export interface TimeLeft {
  kind: DueKind
  /** Its words are `due.<key>`, with `large` and `small` filled in. */
  key: 'days' | 'hours' | 'minutes' | 'whole_days' | 'whole_hours'
  large: number
  small: number
}

/** The first warning is given two days before the end (domain: warning). */
export const SOON_HOURS = 48
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/**
 * What is left until `due`, or how much it is late, rounded towards zero; null when there is no such moment.
 *
 * @param soonHours from how many hours before the end it counts as about to be late.
 */
export function timeLeft(due: string | null | undefined, now: number, soonHours = SOON_HOURS): TimeLeft | null {
  const at = Date.parse(due ?? '')
  if (Number.isNaN(at)) return null
  const left = at - now
  const away = Math.abs(left)
  const kind: DueKind = left < 0 ? 'overdue' : left <= soonHours * HOUR ? 'soon' : 'calm'
  const [large, small] = away >= DAY ? [DAY, HOUR] : [HOUR, MINUTE]
  if (away >= HOUR) {
    const left = { large: Math.floor(away / large), small: Math.floor((away % large) / small) }
    const unit = large === DAY ? 'days' : 'hours'
    return { kind, key: left.small === 0 ? `whole_${unit}` : unit, ...left }
  }
  return { kind, key: 'minutes', large: Math.floor(away / MINUTE), small: 0 }
}
