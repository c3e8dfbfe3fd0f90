/** An identifier nobody else has made. `crypto.randomUUID` is missing on plain-http pages; this is not. */
export function uniqueId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** One key per content: a retry repeats the key, a changed form gets a new one. */
export class IdempotencyKeys {
  private content = ''
  private key = ''

  for(body: unknown): string {
    const content = JSON.stringify(body)
    if (content !== this.content) {
      this.content = content
      this.key = uniqueId()
    }
    return this.key
  }
}

/** Milliseconds before try number `attempt` (from 0): doubling to a ceiling, the upper half at random. */
export function backoff(attempt: number, random: () => number = Math.random, first = 1000, most = 20_000): number {
  const whole = Math.min(most, first * 2 ** Math.min(attempt, 16))
  return Math.round(whole / 2 + (whole / 2) * random())
}
