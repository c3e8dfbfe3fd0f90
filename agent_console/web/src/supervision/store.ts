import { defineStore } from 'pinia'
import { computed, reactive, ref } from 'vue'

import { useBoxList } from '@/casework/stores/box-list'
import { useSession } from '@/stores/session'

import { supervision } from './api'
import { type Box, BOXES, type Boxes, type Choice, type Paper, type PaperSummary } from './types'

/** Whoever opens the page is shown first what cannot wait. */
export function pressing(counts: Partial<Record<Box, number>>): Box {
  const order: readonly Box[] = ['to_answer', 'overdue', 'replied', 'open']
  return order.find((box) => (counts[box] ?? 0) > 0) ?? 'open'
}

/** The papers that this person may see. */
export const usePapers = defineStore('papers', () => {
  const session = useSession()
  const choice = reactive<Choice>({ rung: '', unit: '', q: '' })
  const list = useBoxList<Box, PaperSummary, Boxes>(
    'open',
    supervision.summary,
    (box, cursor, limit) => supervision.papers(box, choice, cursor, limit),
    (a, b) => a.id === b.id,
  )
  const counts = computed<Partial<Record<Box, number>>>(() => list.summary.value?.boxes ?? {})
  /** Nobody but a unit has anything to answer. */
  const boxes = computed(() => BOXES.filter((box) => box !== 'to_answer' || session.can('supervision.answer')))

  /** The paper that lies open. */
  const paper = ref<Paper | null>(null)
  const error = ref<unknown>(null)
  let wanted = 0

  async function open(id: number): Promise<void> {
    wanted = id
    if (paper.value?.id !== id) paper.value = null
    error.value = null
    try {
      const found = await supervision.paper(id)
      if (wanted === id) paper.value = found
    } catch (refused) {
      // What is on the screen stays there; only a paper that never came is a failure.
      if (wanted === id && paper.value === null) error.value = refused
    }
  }

  function put(found: Paper): void {
    wanted = found.id
    paper.value = found
  }

  /** Somebody has done something with a paper: it is read again if it is the open one. */
  function changed(id: number): void {
    if (wanted === id) void open(id)
  }

  function neighbour(id: number, step: 1 | -1): PaperSummary | null {
    const at = list.items.value.findIndex((one) => one.id === id)
    return (at < 0 ? list.items.value[0] : list.items.value[at + step]) ?? null
  }

  return { ...list, counts, boxes, choice, paper, failure: error, open, put, changed, neighbour }
})
