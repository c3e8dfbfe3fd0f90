import { computed, ref } from 'vue'

/** A number that was shown to be the citizen’s, and what shows it to the server. */
export interface Proven {
  phone: string
  pass: string
  until: string
}

const NAME = 'lianxin-citizen.proven'
const kept = ref<Proven | null>(load())

function load(): Proven | null {
  try {
    return JSON.parse(sessionStorage.getItem(NAME) ?? 'null') as Proven | null
  } catch {
    return null
  }
}

/** The number that was shown last on this page and still holds; gone with the tab, as others may use this telephone. */
export const proven = computed(() => (kept.value && new Date(kept.value.until).getTime() > Date.now() ? kept.value : null))

export function noteProven(shown: Proven | null): void {
  kept.value = shown
  try {
    if (shown === null) sessionStorage.removeItem(NAME)
    else sessionStorage.setItem(NAME, JSON.stringify(shown))
  } catch {
    // It holds while the page stays open.
  }
}
