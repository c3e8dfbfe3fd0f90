import { defineStore } from 'pinia'
import { computed, reactive, ref } from 'vue'

import { useClock } from '@/stores/clock'
import type { ListPhase } from '@/stores/tickets'

import { reports } from './api'
import { daysOf } from './periods'
import type { Cell, Choice, Definition, Figure, Member, Opened, Part, Ratio, Row, Table } from './types'

/** The figure of a cell as it is to be shown: as counted, or without what is excluded. */
export function ratioOf(cell: Cell, adjusted: boolean): Ratio {
  return adjusted ? cell.adjusted : cell.raw
}

export const useReports = defineStore('reports', () => {
  const clock = useClock()
  const choice = reactive<Choice>({ set: 'three', group: 'unit', ...daysOf('month', clock.read()), compare: 'previous', adjusted: true, ranked: false })
  const table = ref<Table | null>(null)
  const definitions = ref<Partial<Record<Figure, Definition>>>({})
  const phase = ref<ListPhase>('loading')
  const error = ref<unknown>(null)
  let asked = 0

  const opened = ref<Opened | null>(null)
  const members = ref<Member[]>([])
  const membersPhase = ref<ListPhase>('loading')
  const membersError = ref<unknown>(null)
  const cursor = ref<string | null>(null)
  const days = computed(() => ({ first: table.value?.cohort.first ?? choice.first, last: table.value?.cohort.last ?? choice.last }))

  /** Reads the table anew; what is on the screen stays there until the new is there. */
  async function load(): Promise<void> {
    const mine = ++asked
    try {
      if (Object.keys(definitions.value).length === 0) {
        const { items } = await reports.definitions()
        definitions.value = Object.fromEntries(items.map((one) => [one.figure, one]))
      }
      const found = await reports.table(choice)
      if (mine !== asked) return
      table.value = found
      phase.value = 'ready'
      error.value = null
    } catch (refused) {
      if (mine !== asked) return
      error.value = refused
      phase.value = 'failed'
    }
  }

  /** Opens a number into its tickets, as of the very moment that the table tells of. */
  async function open(figure: Figure, part: Part, row: Row, count: number): Promise<void> {
    opened.value = { figure, part, row, count, adjusted: choice.adjusted && part !== 'excluded' }
    members.value = []
    cursor.value = null
    membersPhase.value = 'loading'
    await more()
  }

  async function more(): Promise<void> {
    const mine = opened.value
    if (mine === null || table.value === null) return
    try {
      const page = await reports.members(mine, days.value, table.value.cohort.as_of, cursor.value)
      if (opened.value !== mine) return
      members.value.push(...page.items)
      cursor.value = page.next_cursor ?? null
      membersPhase.value = 'ready'
    } catch (refused) {
      if (opened.value !== mine) return
      membersError.value = refused
      membersPhase.value = 'failed'
    }
  }

  function close(): void {
    opened.value = null
  }

  return { choice, table, definitions, phase, error, opened, members, membersPhase, membersError, cursor, load, open, more, close }
})
