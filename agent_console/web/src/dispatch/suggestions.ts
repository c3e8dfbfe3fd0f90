import { ref, type Ref, watch } from 'vue'

import { casework } from '@/casework/api'
import type { DeadlinePreview, SimilarTicket, Suggestion } from '@/casework/types'
import type { ListPhase } from '@/stores/tickets'

interface Found<T> {
  items: Ref<T[]>
  phase: Ref<ListPhase>
}

/** What the server proposes for a ticket; an answer for another ticket that comes late is thrown away. */
function useProposals<T>(id: () => number, version: () => number, read: (id: number) => Promise<{ items: T[] }>): Found<T> {
  const items = ref([]) as Ref<T[]>
  const phase = ref<ListPhase>('loading')

  watch(
    () => [id(), version()] as const,
    async ([wanted], before) => {
      if (before?.[0] !== wanted) {
        items.value = []
        phase.value = 'loading'
      }
      try {
        const found = await read(wanted)
        if (id() !== wanted) return
        items.value = found.items
        phase.value = 'ready'
      } catch {
        if (id() === wanted && items.value.length === 0) phase.value = 'failed'
      }
    },
    { immediate: true },
  )
  return { items, phase }
}

export const useSuggestions = (id: () => number, version: () => number): Found<Suggestion> => useProposals(id, version, casework.suggestions)
export const useSimilar = (id: () => number, version: () => number): Found<SimilarTicket> => useProposals(id, version, casework.similar)

const PAUSE_MS = 200

/** By when it would be due if it were dispatched now; null while nobody knows. */
export function usePreview(query: () => { type: string; urgency: string; limit?: string }): Ref<DeadlinePreview | null> {
  const preview = ref<DeadlinePreview | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined
  let asked = 0

  async function read(): Promise<void> {
    asked += 1
    const mine = asked
    try {
      const found = await casework.previewDeadline(query())
      if (mine === asked) preview.value = found
    } catch {
      if (mine === asked) preview.value = null
    }
  }

  watch(
    () => JSON.stringify(query()),
    (_now, before) => {
      clearTimeout(timer)
      timer = setTimeout(() => void read(), before === undefined ? 0 : PAUSE_MS)
    },
    { immediate: true },
  )
  return preview
}
