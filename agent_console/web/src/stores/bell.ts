import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { useSession } from './session'

/** One thing that the person should know of: numbers and kinds only, no word of any citizen. */
export interface Ring {
  id: string
  /** Its words are `news.<kind>`. */
  kind: string
  at: string
  number: string
  /** Where it leads, within this page; empty when it leads nowhere. */
  to: string
  read: boolean
}

const KEPT = 50

/** What has come in since the person last looked, newest first; kept over a reload of this tab. */
export const useBell = defineStore('bell', () => {
  const session = useSession()
  const place = computed(() => `lianxin.bell.${session.user?.number ?? ''}`)
  const rings = ref<Ring[]>(remembered())
  const unread = computed(() => rings.value.filter(({ read }) => !read).length)

  function remembered(): Ring[] {
    try {
      return JSON.parse(sessionStorage.getItem(place.value) ?? '[]') as Ring[]
    } catch {
      return []
    }
  }

  function keep(): void {
    sessionStorage.setItem(place.value, JSON.stringify(rings.value))
  }

  function ring(news: Omit<Ring, 'read'>): void {
    rings.value = [{ ...news, read: false }, ...rings.value.filter(({ id }) => id !== news.id)].slice(0, KEPT)
    keep()
  }

  function readAll(): void {
    for (const one of rings.value) one.read = true
    keep()
  }

  return { rings, unread, ring, readAll }
})
