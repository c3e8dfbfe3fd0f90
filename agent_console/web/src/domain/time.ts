/** Times as an agent reads them. `now` is always the server's clock in milliseconds. */

/** 02:31, or 1:02:31 past the hour; never negative. */
export function clockText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const h = Math.floor(whole / 3600)
  const m = Math.floor((whole % 3600) / 60)
  const two = (n: number) => String(n).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(whole % 60)}` : `${two(m)}:${two(whole % 60)}`
}

/** Whole seconds from an instant until now; 0 when the instant is unknown or ahead. */
export function secondsSince(instant: string | null | undefined, now: number): number {
  const start = Date.parse(instant ?? '')
  return Number.isNaN(start) ? 0 : Math.max(0, Math.floor((now - start) / 1000))
}

/** Whole seconds left until an instant, rounded up; 0 when unknown or past. */
export function secondsUntil(instant: string | null | undefined, now: number): number {
  const end = Date.parse(instant ?? '')
  return Number.isNaN(end) ? 0 : Math.max(0, Math.ceil((end - now) / 1000))
}

/** 14:03 today, 03-02 14:03 on another day, with the year when it is another year. */
export function momentText(instant: string | null | undefined, now: number): string {
  const at = new Date(Date.parse(instant ?? ''))
  if (Number.isNaN(at.getTime())) return '—'
  const today = new Date(now)
  const two = (n: number) => String(n).padStart(2, '0')
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`
  if (at.toDateString() === today.toDateString()) return time
  const day = `${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return at.getFullYear() === today.getFullYear() ? `${day} ${time}` : `${at.getFullYear()}-${day} ${time}`
}

/**
 * The server's clock minus ours, in milliseconds. The Date header has whole seconds, so anything
 * under two seconds is called agreement and timers do not jitter with each answer.
 */
export function clockOffset(serverNow: number, ourNow: number): number {
  const offset = serverNow - ourNow
  return Math.abs(offset) < 2000 ? 0 : offset
}
