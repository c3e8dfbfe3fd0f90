import { computed, ref } from 'vue'

import { hush } from '@/device/speech'

/** Where in the pages we are: `#/report/text` is `['report', 'text']`. The back button goes where it should. */
const hash = ref(location.hash)

export const place = computed(() =>
  hash.value.replace(/^#?\/?/, '').split('/').filter(Boolean).map(decodeURIComponent),
)

/** Steps that were gone within the pages: only then does the back button stay in them. */
let gone = 0

addEventListener('hashchange', () => {
  hash.value = location.hash
  hush()
})

export function go(...parts: string[]): void {
  gone += 1
  location.hash = `#/${parts.map(encodeURIComponent).join('/')}`
}

/** Go where nobody should come back from. */
export function goInstead(...parts: string[]): void {
  location.replace(`#/${parts.map(encodeURIComponent).join('/')}`)
}

export function back(): void {
  if (gone > 0) {
    gone -= 1
    history.back()
  } else {
    goInstead()
  }
}
