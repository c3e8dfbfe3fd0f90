import { ref } from 'vue'

/** What the browser says of the network: false is certain, true is only a hope. */
export const online = ref(navigator.onLine)

const returned = new Set<() => void>()

addEventListener('online', () => {
  online.value = true
  for (const act of returned) act()
})
addEventListener('offline', () => {
  online.value = false
})

/** Resolves after a while, or sooner when the network comes back or the page is looked at again. */
export function aWhile(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      if (!document.hidden) done()
    }
    const done = () => {
      clearTimeout(timer)
      returned.delete(done)
      document.removeEventListener('visibilitychange', wake)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    returned.add(done)
    document.addEventListener('visibilitychange', wake)
  })
}
