import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { api } from '@/api'
import type { Call, CallNews } from '@/api/types'
import { masked } from '@/domain/phone-number'
import { abilities, type LineEvent, type LinePhase, nextPhase } from '@/phone/line'

import { useCalls } from './calls'
import { useClock } from './clock'
import { usePhone } from './phone'

/** The durable record follows the ring by a moment; these are the looks for it. */
const LOOK_AGAIN_MS = [0, 250, 600, 1500, 4000]

/** The one call of the agent: our telephone's line, and the server's record of the same call. */
export const useCall = defineStore('call', () => {
  const phone = usePhone()
  const calls = useCalls()
  const clock = useClock()

  const phase = ref<LinePhase>('idle')
  const direction = ref<'in' | 'out'>('in')
  const farNumber = ref('')
  const since = ref<number | null>(null)
  const muted = ref(false)
  const held = ref(false)
  const cause = ref<string | null>(null)
  const current = ref<(CallNews & Partial<Call>) | null>(null)
  let looks = 0

  const can = computed(() => abilities(phase.value, phone.ready))
  const callId = computed(() => current.value?.id ?? current.value?.call_id ?? null)
  const caller = computed(() => current.value?.caller_masked ?? (farNumber.value === '' ? null : masked(farNumber.value)))
  const previous = computed(() => current.value?.previous_contacts ?? 0)
  /** A call of ours that another tab has in its telephone. */
  const elsewhere = computed(() => phase.value === 'idle' && current.value !== null && !phone.ours)

  function step(event: LineEvent, told: { number?: string; cause?: string } = {}): boolean {
    const next = nextPhase(phase.value, event)
    if (next === null) return false
    phase.value = next
    if (event === 'incoming' || event === 'dial') begin(event === 'incoming' ? 'in' : 'out', told.number ?? '')
    if (event === 'established') since.value = clock.read()
    if (event === 'over') finish(told.cause ?? null)
    return true
  }

  function begin(way: 'in' | 'out', number: string): void {
    direction.value = way
    farNumber.value = number
    since.value = clock.read()
    muted.value = false
    held.value = false
    cause.value = null
    void look()
  }

  function finish(why: string | null): void {
    since.value = null
    cause.value = why
    farNumber.value = ''
    muted.value = false
    held.value = false
    void look()
    void calls.load()
  }

  /** Reads the server's record until it shows the call that the line has (or that there is none). */
  async function look(): Promise<void> {
    looks += 1
    const mine = looks
    for (const wait of LOOK_AGAIN_MS) {
      await new Promise((resolve) => setTimeout(resolve, wait))
      if (mine !== looks) return
      try {
        const found = (await api.currentCall()).call ?? null
        if (mine !== looks) return
        current.value = found
        if (found !== null) calls.put(found)
        // Without the telephone there is nothing here for the record to catch up with.
        if (!phone.ours || (found === null) === (phase.value === 'idle')) return
      } catch {
        // The next look may be luckier; the telephone works without the record.
      }
    }
  }

  /**
   * News of the agent's own call; every one is only a reason to look. What was written down may be told
   * long after it happened: only a hint says how things stand now.
   */
  function news(type: string, told: CallNews, written: boolean): void {
    if (type === 'call.ended' || type === 'call.missed') {
      if (current.value?.linkedid === told.linkedid) current.value = null
      void calls.load()
    } else if (!written && (current.value === null || current.value.linkedid === told.linkedid)) {
      current.value = { ...current.value, ...told }
    }
    void look()
  }

  async function answer(): Promise<void> {
    if (step('answer')) await phone.softphone.answer()
  }

  function hangUp(): void {
    if (step('hang_up')) phone.softphone.hangUp()
  }

  async function dial(number: string): Promise<void> {
    if (phone.ready && step('dial', { number })) await phone.softphone.dial(number)
  }

  function toggleMute(): void {
    if (!can.value.mute) return
    muted.value = !muted.value
    phone.softphone.setMuted(muted.value)
  }

  function toggleHold(): void {
    if (can.value.hold) phone.softphone.setHeld(!held.value)
  }

  phone.follow(step, (now) => {
    held.value = now
  })

  return {
    phase, direction, farNumber, since, muted, held, cause, current, can, callId, caller, previous, elsewhere,
    step, look, news, answer, hangUp, dial, toggleMute, toggleHold,
  }
})
