import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { api } from '@/api'
import type { CallbackNews, Category, Ticket, TicketSummary } from '@/api/types'

export type ListPhase = 'loading' | 'ready' | 'failed'

/** The agent's own tickets, the opened one, and what callbacks brought. */
export const useTickets = defineStore('tickets', () => {
  const items = ref<TicketSummary[]>([])
  const phase = ref<ListPhase>('loading')
  const cursor = ref<string | null>(null)
  const opened = ref<Ticket | null>(null)
  const openPhase = ref<ListPhase>('loading')
  const openError = ref<unknown>(null)
  const categories = ref<Category[]>([])
  /** The last result of a callback by ticket, and which of them were not looked at yet. */
  const results = ref(new Map<number, CallbackNews>())
  const fresh = ref(new Set<number>())
  let openedId = 0

  const calledBack = computed(() => items.value.filter((one) => one.closed_at !== null && one.closed_at !== undefined))

  async function load(): Promise<void> {
    try {
      const page = await api.myTickets()
      items.value = page.items
      cursor.value = page.next_cursor ?? null
      phase.value = 'ready'
    } catch {
      if (items.value.length === 0) phase.value = 'failed'
    }
  }

  async function loadMore(): Promise<void> {
    const page = await api.myTickets(cursor.value)
    const known = new Set(items.value.map((one) => one.id))
    items.value.push(...page.items.filter((one) => !known.has(one.id)))
    cursor.value = page.next_cursor ?? null
  }

  async function loadCategories(): Promise<void> {
    categories.value = (await api.categories()).items
  }

  async function open(id: number): Promise<void> {
    openedId = id
    fresh.value.delete(id)
    if (opened.value?.id !== id) {
      opened.value = null
      openPhase.value = 'loading'
    }
    try {
      const ticket = await api.ticket(id)
      if (openedId === id) show(ticket)
    } catch (error) {
      if (openedId !== id || opened.value?.id === id) return
      openError.value = error
      openPhase.value = 'failed'
    }
  }

  /** Puts a ticket's newest state on the page and in the list. */
  function show(ticket: Ticket): void {
    openedId = ticket.id
    opened.value = ticket
    openPhase.value = 'ready'
    const at = items.value.findIndex((one) => one.id === ticket.id)
    if (at >= 0) items.value[at] = ticket
  }

  function close(): void {
    openedId = 0
    opened.value = null
  }

  /** Something changed on the server: the list, and the ticket when it is on the page. */
  async function lookAgain(id: number): Promise<void> {
    await Promise.all([load(), openedId === id ? open(id) : undefined])
  }

  function takeResult(news: CallbackNews): void {
    results.value.set(news.ticket_id, news)
    if (openedId !== news.ticket_id) fresh.value.add(news.ticket_id)
  }

  return {
    items, phase, cursor, opened, openPhase, openError, categories, results, fresh, calledBack,
    load, loadMore, loadCategories, open, show, close, lookAgain, takeResult,
  }
})
