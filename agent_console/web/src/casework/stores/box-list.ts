import { ref, type Ref } from 'vue'

import type { Page } from '@/api/types'
import type { ListPhase } from '@/stores/tickets'

export interface BoxList<B extends string, T, S> {
  box: Ref<B>
  items: Ref<T[]>
  phase: Ref<ListPhase>
  error: Ref<unknown>
  cursor: Ref<string | null>
  summary: Ref<S | null>
  show: (to: B) => Promise<void>
  load: () => Promise<void>
  loadMore: () => Promise<void>
}

/**
 * One box of several that is shown, with the counters of all.
 *
 * @param sameItem whether two rows are the same thing, so that a later page brings nothing twice.
 */
export function useBoxList<B extends string, T, S>(
  first: B,
  readSummary: () => Promise<S>,
  readPage: (box: B, cursor: string | null, limit: number) => Promise<Page<T>>,
  sameItem: (a: T, b: T) => boolean,
): BoxList<B, T, S> {
  const box = ref(first) as Ref<B>
  const items = ref([]) as Ref<T[]>
  const phase = ref<ListPhase>('loading')
  const error = ref<unknown>(null)
  const cursor = ref<string | null>(null)
  const summary = ref(null) as Ref<S | null>
  const LIMIT = 50

  /** Shows another box; while it is being read there is nothing of the one before. */
  async function show(to: B): Promise<void> {
    if (box.value !== to) {
      box.value = to
      items.value = []
      cursor.value = null
      phase.value = 'loading'
    }
    await load()
  }

  /** Reads anew as much as is shown; what is on the screen stays there until the new is there. */
  async function load(): Promise<void> {
    const wanted = box.value
    const counting = readSummary().then((found) => (summary.value = found)).catch(() => undefined)
    try {
      const page = await readPage(wanted, null, LIMIT)
      if (box.value !== wanted) return
      items.value = page.items
      cursor.value = page.next_cursor ?? null
      phase.value = 'ready'
    } catch (refused) {
      if (box.value !== wanted) return
      error.value = refused
      if (items.value.length === 0) phase.value = 'failed'
    }
    await counting
  }

  async function loadMore(): Promise<void> {
    const wanted = box.value
    const page = await readPage(wanted, cursor.value, LIMIT)
    if (box.value !== wanted) return
    items.value.push(...page.items.filter((one) => !items.value.some((known) => sameItem(known, one))))
    cursor.value = page.next_cursor ?? null
  }

  return { box, items, phase, error, cursor, summary, show, load, loadMore }
}
