import { onMounted, onUnmounted, watch } from 'vue'

import { useSession } from '@/stores/session'

import { talks as api } from './api'
import { useTalks } from './store'

const EVERY_MS = 10_000
/** For so long after a key somebody is still writing. */
const TYPING_MS = 5_000

/** Says again and again that a conversation is on this screen, so that colleagues are warned, and learns of theirs. */
export function useLooking(id: () => number): { typed: () => void } {
  const talks = useTalks()
  const session = useSession()
  let typedAt = 0
  let told = false
  let timer: ReturnType<typeof setInterval> | undefined

  const typing = () => Date.now() - typedAt < TYPING_MS

  async function look(): Promise<void> {
    if (document.hidden || session.phase !== 'in') return
    told = typing()
    // A warning that did not come is tried again at the next beat.
    await talks.look(id(), told).catch(() => undefined)
  }

  function typed(): void {
    typedAt = Date.now()
    if (!told) void look()
  }

  function leave(what: number): void {
    void api.leave(what).catch(() => undefined)
  }

  watch(id, (_, before) => {
    typedAt = 0
    leave(before)
    void look()
  })
  onMounted(() => {
    void look()
    timer = setInterval(() => void look(), EVERY_MS)
    document.addEventListener('visibilitychange', look)
  })
  onUnmounted(() => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', look)
    leave(id())
  })
  return { typed }
}
