const two = (n: number) => String(n).padStart(2, '0')

/** A moment in the city's time, which is China's: `3-02 09:30`, with the year when it is another one. */
export function momentText(instant: string, now: number = Date.now()): string {
  const at = inChina(Date.parse(instant))
  const day = `${at.getUTCMonth() + 1}-${two(at.getUTCDate())} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`
  return at.getUTCFullYear() === inChina(now).getUTCFullYear() ? day : `${at.getUTCFullYear()}-${day}`
}

/** China's wall clock as if it were UTC; the telephone may stand in another zone. */
function inChina(ms: number): Date {
  return new Date(ms + 8 * 3_600_000)
}
