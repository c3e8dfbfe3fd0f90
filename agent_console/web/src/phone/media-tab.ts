/**
 * Holds the agent's one telephone for this tab. `onTurn(true)` when it is ours, `onTurn(false)` at
 * once when another tab has it; when that tab closes the turn comes by itself.
 *
 * Returns a function that gives the telephone up.
 */
export function takeTelephone(agent: string, onTurn: (ours: boolean) => void): () => void {
  // Absent on a plain-http page, where there is no microphone either.
  const locks = navigator.locks as LockManager | undefined
  if (locks === undefined) {
    onTurn(true)
    return () => undefined
  }
  const name = `lianxin.telephone.${agent}`
  const leaving = new AbortController()
  let giveUp: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    giveUp = resolve
  })
  const hold = (lock: Lock | null): Promise<void> | undefined => {
    if (leaving.signal.aborted) return undefined
    onTurn(lock !== null)
    return lock === null ? undefined : held
  }
  const wait = async () => {
    let got = false
    await locks.request(name, { ifAvailable: true }, (lock) => {
      got = lock !== null
      return hold(lock)
    })
    if (!got && !leaving.signal.aborted) await locks.request(name, { signal: leaving.signal }, hold)
  }
  wait().catch((error: unknown) => {
    if (!leaving.signal.aborted) throw error
  })
  return () => {
    leaving.abort()
    giveUp()
  }
}
