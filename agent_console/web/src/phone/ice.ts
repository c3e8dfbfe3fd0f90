import type { IceCandidateEvent } from 'jssip/lib/RTCSession'

/** Sibling host candidates arrive within a few milliseconds of each other. */
const SIBLINGS_MS = 60
const PATIENCE_MS = 300

/**
 * A listener for JsSIP's `icecandidate` that ends gathering early: shortly after the first host
 * candidate, and at the latest 300 ms after any. Waiting for the full gathering would make every
 * answer seconds late where an interface leads nowhere.
 */
export function hurriedGathering(): (event: IceCandidateEvent) => void {
  let negotiation: VoidFunction | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let hurried = false
  return ({ candidate, ready }) => {
    if (negotiation !== ready) {
      negotiation = ready
      hurried = false
      timer = setTimeout(ready, PATIENCE_MS)
    }
    if (hurried || !(candidate.type === 'host' || candidate.candidate.includes(' typ host'))) return
    hurried = true
    clearTimeout(timer)
    timer = setTimeout(ready, SIBLINGS_MS)
  }
}
