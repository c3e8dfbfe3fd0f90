import { defineStore } from 'pinia'
import { ref } from 'vue'

import { casework } from '@/casework/api'
import { type ActionName, actionOf } from '@/casework/actions'
import type { Casefile } from '@/casework/types'
import type { ListPhase } from '@/stores/tickets'

/** The ticket that lies open at a desk. */
export const useCase = defineStore('case', () => {
  const ticket = ref<Casefile | null>(null)
  const phase = ref<ListPhase>('loading')
  const error = ref<unknown>(null)
  /** How often something was done here, or turned out to have been done; lists look again when it rises. */
  const acted = ref(0)
  let wanted = 0

  async function open(id: number): Promise<void> {
    wanted = id
    if (ticket.value?.id !== id) {
      ticket.value = null
      phase.value = 'loading'
    }
    try {
      const found = await casework.ticket(id)
      if (wanted === id) show(found)
    } catch (refused) {
      // What is on the screen stays there; only a ticket that never came is a failure.
      if (wanted !== id || ticket.value?.id === id) return
      error.value = refused
      phase.value = 'failed'
    }
  }

  /** Puts a newer state on the screen; an older answer that comes late changes nothing. */
  function show(found: Casefile): void {
    if (ticket.value?.id === found.id && ticket.value.version > found.version) return
    wanted = found.id
    ticket.value = found
    phase.value = 'ready'
  }

  function close(): void {
    wanted = 0
    ticket.value = null
  }

  /** Somebody has changed a ticket: it is read again if it is the open one. */
  function changed(id: number): void {
    if (wanted === id) void open(id)
  }

  /**
   * Does something to the open ticket as it stood in `version`.
   *
   * @returns the ticket as it stands now.
   */
  async function act(name: ActionName, n: number | null, version: number, body: Record<string, unknown>, key: string): Promise<Casefile> {
    const id = ticket.value?.id ?? wanted
    const action = actionOf(name)
    if (action.beside === true) {
      await casework.actBeside(action.path(id, n), body, key)
      acted.value += 1
      return casework.ticket(id)
    }
    const found = await casework.act(action.path(id, n), { ...body, version }, key)
    if (wanted === id) show(found)
    acted.value += 1
    return found
  }

  /** Somebody was quicker: the ticket and the lists are read again. */
  async function overtaken(id: number): Promise<void> {
    await open(id)
    acted.value += 1
  }

  return { ticket, phase, error, acted, overtaken, open, show, close, changed, act }
})
