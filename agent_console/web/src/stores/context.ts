import { defineStore } from 'pinia'
import { ref } from 'vue'

import { api } from '@/api'
import type { CallContext } from '@/api/types'

import type { ListPhase } from './tickets'

/** The citizen beside the work: of the opened call, or of the call that brought the opened ticket. */
export const useCallContext = defineStore('context', () => {
  const context = ref<CallContext | null>(null)
  const phase = ref<ListPhase | 'none'>('none')
  const error = ref<unknown>(null)
  let wanted: number | null = null

  /** Shows a call's context; null shows that there is none. */
  async function open(callId: number | null): Promise<void> {
    if (wanted !== callId) {
      context.value = null
      phase.value = callId === null ? 'none' : 'loading'
    }
    wanted = callId
    if (callId === null) return
    try {
      const found = await api.callContext(callId)
      if (wanted !== callId) return
      context.value = found
      phase.value = 'ready'
    } catch (refused) {
      if (wanted !== callId || context.value !== null) return
      error.value = refused
      phase.value = 'failed'
    }
  }

  /** A ticket has changed: if it is one of the citizen's, the list is read again. */
  function ticketChanged(id: number): void {
    if (context.value?.tickets.some((ticket) => ticket.id === id)) void open(wanted)
  }

  return { context, phase, error, open, ticketChanged }
})
