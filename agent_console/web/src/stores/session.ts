import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { api } from '@/api'
import { ApiProblem } from '@/api/http'
import { hooks } from '@/api/request'
import type { Session } from '@/api/types'

import { useClock } from './clock'

/** `expired`: the desk stays as it is under a login, so that nothing typed is lost. */
export type SessionPhase = 'unknown' | 'unreachable' | 'out' | 'in' | 'expired'

/** Who is at the desk. */
export const useSession = defineStore('session', () => {
  const clock = useClock()
  const session = ref<Session | null>(null)
  const phase = ref<SessionPhase>('unknown')
  const user = computed(() => session.value?.user ?? null)
  /** What this person may do; the server asks again, this only keeps useless buttons off the page. */
  const can = (permission: string): boolean => user.value?.permissions.includes(permission) ?? false

  hooks.csrfToken = () => session.value?.csrf_token ?? null
  hooks.onServerTime = (milliseconds) => clock.set(milliseconds)
  hooks.onExpired = () => {
    if (phase.value === 'in') phase.value = 'expired'
  }

  /** Whether this browser is still logged in. */
  async function load(): Promise<void> {
    try {
      session.value = await api.session()
      phase.value = 'in'
    } catch (error) {
      const refused = error instanceof ApiProblem && error.status === 401
      if (phase.value !== 'in') phase.value = refused ? 'out' : 'unreachable'
      else if (refused) phase.value = 'expired'
    }
  }

  /** Raises ApiProblem (401, 429) or NoAnswer; the form says so in place. */
  async function logIn(number: string, password: string): Promise<void> {
    const previous = user.value?.number
    session.value = await api.logIn(number, password)
    if (previous !== undefined && previous !== session.value.user.number) {
      // Another person: nothing of the one before may stay on the screen.
      location.reload()
      return
    }
    phase.value = 'in'
  }

  async function logOut(): Promise<void> {
    try {
      await api.logOut()
    } finally {
      location.hash = ''
      location.reload()
    }
  }

  return { session, user, phase, can, load, logIn, logOut }
})
