import { ref } from 'vue'

/** What the telephone keeps of us: short texts, at once, so that a page that is closed has lost nothing. */

const PREFIX = 'lianxin-citizen.'
const instead = new Map<string, string>()

/** False once the browser has refused to keep something: private windows and full telephones do. */
export const remembers = ref(true)

export function recall<T>(name: string): T | null {
  try {
    const text = instead.get(name) ?? localStorage.getItem(PREFIX + name)
    return text === null ? null : (JSON.parse(text) as T)
  } catch {
    return null
  }
}

export function remember(name: string, value: unknown): void {
  const text = JSON.stringify(value)
  try {
    localStorage.setItem(PREFIX + name, text)
    instead.delete(name)
  } catch {
    instead.set(name, text)
    remembers.value = false
  }
}

export function forget(name: string): void {
  instead.delete(name)
  try {
    localStorage.removeItem(PREFIX + name)
  } catch {
    remembers.value = false
  }
}
