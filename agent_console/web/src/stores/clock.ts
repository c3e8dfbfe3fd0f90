import { defineStore } from 'pinia'
import { ref } from 'vue'

import { clockOffset } from '@/domain/time'

/** The server's clock, ticking; every timer on the page reads this one. */
export const useClock = defineStore('clock', () => {
  const offset = ref(0)
  const now = ref(Date.now())

  /** The server's time at this moment, in milliseconds. */
  const read = (): number => Date.now() + offset.value

  setInterval(() => {
    now.value = read()
  }, 500)

  function set(serverNow: number): void {
    offset.value = clockOffset(serverNow, Date.now())
  }

  return { now, read, set }
})
