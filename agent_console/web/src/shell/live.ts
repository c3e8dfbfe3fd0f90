import { onMounted, onUnmounted, watch } from 'vue'

import type { Hint } from '@/api/types'
import { useFeed } from '@/stores/feed'
import { useSession } from '@/stores/session'

/** Limits pass without anybody doing anything: what a list says of them is at most this old. */
const LOOK_AGAIN_MS = 60_000
/** Several pieces of news come together; one look is enough for all. */
const GATHER_MS = 300

/**
 * Keeps a page up to date while it is open and its person logged in.
 *
 * @param take is told every piece of news.
 * @param readAgain reads what the page shows: on each connection, on coming back to the page, every minute, and soon
 *   after `soon()`.
 */
export function useLive(take: (news: Hint, durable: boolean) => void, readAgain: () => void): { soon: () => void } {
  const feed = useFeed()
  const session = useSession()
  let gathering: ReturnType<typeof setTimeout> | undefined
  let minute: ReturnType<typeof setInterval> | undefined

  function soon(): void {
    clearTimeout(gathering)
    gathering = setTimeout(readAgain, GATHER_MS)
  }

  function look(): void {
    if (session.phase === 'in' && !document.hidden) readAgain()
  }

  watch(
    () => session.phase,
    (now, before) => {
      if (now === 'in') {
        readAgain()
        feed.start(session.user?.number ?? '', take, readAgain, () => void session.load())
      } else if (before === 'in') {
        feed.stop()
      }
    },
    { immediate: true },
  )

  onMounted(() => {
    minute = setInterval(look, LOOK_AGAIN_MS)
    document.addEventListener('visibilitychange', look)
    addEventListener('online', look)
  })
  onUnmounted(() => {
    clearInterval(minute)
    clearTimeout(gathering)
    document.removeEventListener('visibilitychange', look)
    removeEventListener('online', look)
    feed.stop()
  })
  return { soon }
}
