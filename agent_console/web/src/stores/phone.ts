import { defineStore } from 'pinia'
import { computed, markRaw, ref } from 'vue'

import { api } from '@/api'
import { ApiProblem } from '@/api/http'
import { backoff } from '@/domain/random'
import type { LineEvent } from '@/phone/line'
import { takeTelephone } from '@/phone/media-tab'
import { closeMicrophone, type MicrophoneProblem, NoMicrophone, openMicrophone } from '@/phone/microphone'
import { Softphone } from '@/phone/softphone'

import { useSession } from './session'

export type PhonePhase = 'off' | 'other_tab' | 'none' | 'connecting' | 'registered' | 'failed'
export type PhoneProblem = MicrophoneProblem | 'unreachable' | 'rejected'

type LineListener = (event: LineEvent, told: { number?: string; cause?: string }) => void

/** The browser telephone: whose tab it is, whether it is registered, and what is wrong with it. */
export const usePhone = defineStore('phone', () => {
  const session = useSession()
  const phase = ref<PhonePhase>('off')
  const connectionProblem = ref<'unreachable' | 'rejected' | null>(null)
  const microphoneProblem = ref<MicrophoneProblem | null>(null)
  const problem = computed<PhoneProblem | null>(() => microphoneProblem.value ?? connectionProblem.value)
  const ours = ref(false)
  const ready = computed(() => phase.value === 'registered' && microphoneProblem.value === null)

  let onLine: LineListener = () => undefined
  let onHeld: (held: boolean) => void = () => undefined
  let giveUp: () => void = () => undefined
  let attempt = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  const softphone = markRaw(
    new Softphone({
      onRegistration(state) {
        if (state === 'registered') {
          attempt = 0
          phase.value = 'registered'
          connectionProblem.value = null
        } else if (state === 'connecting') {
          if (phase.value !== 'failed') phase.value = 'connecting'
        } else {
          phase.value = 'failed'
          connectionProblem.value = state
          // An account is minted at login and dies at logout: ours may have been replaced.
          if (state === 'rejected') later()
        }
      },
      onLine: (event, told) => onLine(event, told),
      onHeld: (held) => onHeld(held),
      onMicrophone(refused) {
        microphoneProblem.value = refused
        if (refused !== null) onLine('refused_microphone', {})
      },
    }),
  )

  function follow(listener: LineListener, heldListener: (held: boolean) => void): void {
    onLine = listener
    onHeld = heldListener
  }

  /** Registers in this tab, or waits until the tab that has the telephone closes. */
  function start(): void {
    stop()
    if (session.session?.features.voice === false || !session.can('phone.use')) {
      phase.value = 'none'
      return
    }
    giveUp = takeTelephone(session.user?.number ?? '', (turn) => {
      ours.value = turn
      if (turn) void connect()
      else phase.value = 'other_tab'
    })
  }

  async function connect(): Promise<void> {
    // Registering anew would end the call; the new account can wait for its end.
    if (softphone.busy) {
      later()
      return
    }
    phase.value = 'connecting'
    try {
      const account = await api.phone()
      if (ours.value) softphone.start(account)
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 409) {
        phase.value = 'none'
        return
      }
      phase.value = 'failed'
      connectionProblem.value = 'unreachable'
      // After a login the overlay starts us again; asking meanwhile would only be refused.
      if (!(error instanceof ApiProblem && error.status === 401)) later()
    }
  }

  function later(): void {
    clearTimeout(timer)
    timer = setTimeout(() => void connect(), backoff(attempt))
    attempt += 1
  }

  /** At once, for whoever does not want to wait for the next try. */
  function retry(): void {
    clearTimeout(timer)
    attempt = 0
    if (ours.value) void connect()
  }

  function stop(): void {
    clearTimeout(timer)
    softphone.stop()
    giveUp()
    ours.value = false
    phase.value = 'off'
    connectionProblem.value = null
  }

  /** Asks for the microphone now rather than while a citizen waits. True when it may be used. */
  async function checkMicrophone(): Promise<boolean> {
    try {
      closeMicrophone(await openMicrophone())
      microphoneProblem.value = null
    } catch (error) {
      if (!(error instanceof NoMicrophone)) throw error
      microphoneProblem.value = error.problem
    }
    return microphoneProblem.value === null
  }

  return { phase, problem, ours, ready, softphone, follow, start, retry, stop, checkMicrophone }
})
