import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { useSession } from '@/stores/session'
import type { ListPhase } from '@/stores/tickets'

import { channels } from './api'
import { type Channel, type List, LISTS, type Refused, type Reply, type ShortMessage } from './types'

/** What a list needs to be seen. */
const NEEDS: Record<List, string | null> = { unknown: 'reply.review', messages: 'callback.review', failed: 'reply.review', refused: null }

/** What cannot wait comes first: what is undecided, then what hinders a channel, then by name. */
export function inOrder(found: readonly Channel[]): Channel[] {
  const rank = (one: Channel): number => (one.unknown > 0 ? 0 : one.hindrance !== null ? 1 : 2)
  return [...found].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
}

/** How the channels do, and what of their work waits for a person. */
export const useChannels = defineStore('channels', () => {
  const session = useSession()
  const items = ref<Channel[]>([])
  const phase = ref<ListPhase>('loading')
  const error = ref<unknown>(null)

  const list = ref<List>('unknown')
  const replies = ref<Reply[]>([])
  const messages = ref<ShortMessage[]>([])
  const refused = ref<Refused[]>([])
  const listPhase = ref<ListPhase>('loading')
  const listError = ref<unknown>(null)
  const cursor = ref<string | null>(null)
  let asked = 0

  const lists = computed(() => LISTS.filter((one) => NEEDS[one] === null || session.can(NEEDS[one])))
  const counts = computed<Record<List, number>>(() => {
    const sum = (read: (one: Channel) => number): number => items.value.reduce((all, one) => all + read(one), 0)
    return { unknown: sum((one) => one.unknown), messages: messages.value.length, failed: sum((one) => one.failed), refused: sum((one) => one.refused) }
  })

  /** Reads everything anew; what is on the screen stays there until the new is there. */
  async function load(): Promise<void> {
    if (!lists.value.includes(list.value)) list.value = lists.value[0] ?? 'refused'
    try {
      items.value = inOrder((await channels.all()).items)
      if (lists.value.includes('messages')) messages.value = (await channels.messages()).items
      phase.value = 'ready'
      error.value = null
    } catch (silent) {
      error.value = silent
      phase.value = 'failed'
    }
    await choose(list.value)
  }

  async function choose(wanted: List): Promise<void> {
    if (wanted !== list.value) {
      list.value = wanted
      listPhase.value = 'loading'
    }
    cursor.value = null
    await read(false)
  }

  async function read(further: boolean): Promise<void> {
    const mine = ++asked
    const wanted = list.value
    try {
      if (wanted === 'refused') {
        const page = await channels.refused(cursor.value)
        if (mine !== asked) return
        refused.value = further ? [...refused.value, ...page.items] : page.items
        cursor.value = page.next_cursor ?? null
      } else if (wanted === 'messages') {
        const found = await channels.messages()
        if (mine !== asked) return
        messages.value = found.items
      } else {
        const page = await channels.replies(wanted, cursor.value)
        if (mine !== asked) return
        replies.value = further ? [...replies.value, ...page.items] : page.items
        cursor.value = page.next_cursor ?? null
      }
      listPhase.value = 'ready'
      listError.value = null
    } catch (silent) {
      if (mine !== asked) return
      listError.value = silent
      listPhase.value = 'failed'
    }
  }

  /** Has a reply sent once more, or lets it be; the lists are read anew. */
  async function decide(id: number, again: boolean): Promise<void> {
    try {
      await channels.decide(id, again)
    } finally {
      await load()
    }
  }

  /** Has a short message sent once more, or lets it be. */
  async function decideMessage(id: number, again: boolean): Promise<void> {
    try {
      await channels.decideMessage(id, again)
    } finally {
      await load()
    }
  }

  /** Has a delivery taken in after all. */
  async function retry(id: number): Promise<void> {
    try {
      await channels.retry(id)
    } finally {
      await load()
    }
  }

  return { items, phase, error, list, lists, counts, replies, messages, refused, listPhase, listError, cursor, load, choose, more: () => read(true), decide, decideMessage, retry }
})
