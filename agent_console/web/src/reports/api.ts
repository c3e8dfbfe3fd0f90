import { request } from '@/api/request'
import type { Page } from '@/api/types'

import { type Days, stepDays } from './periods'
import { type Choice, type Definition, type Group, type Member, type Opened, type Row, SETS, type Table, type Topic } from './types'

type Query = Record<string, string | number | boolean | null>

/** What the service is asked for by a choice. */
export function tableQuery(choice: Choice): Query {
  const figures = SETS[choice.set]
  return {
    figures: figures.join(','),
    group: choice.group,
    from: choice.first,
    to: choice.last,
    compare: choice.compare,
    rank: choice.ranked ? figures[0] : '',
  }
}

/** The days and filters under which a row stands; `-` is a row without a unit or an agent. */
export function rowQuery(row: Row, days: Days): Query {
  const query: Query = { from: days.first, to: days.last }
  for (const [group, value] of Object.entries(row.key) as [Group, string | null][]) {
    if (group === 'day' || group === 'week' || group === 'month') {
      const step = stepDays(group, value ?? days.first, days)
      query.from = step.first
      query.to = step.last
    } else {
      query[group] = value ?? '-'
    }
  }
  return query
}

export const reports = {
  table: (choice: Choice) => request<Table>('GET', '/rates', { query: tableQuery(choice) }),
  definitions: () => request<{ items: Definition[] }>('GET', '/rates/definitions'),
  topic: (category: string, month: string, months: number) => request<Topic>('GET', '/rates/topic', { query: { category, month, months } }),
  members: (opened: Opened, days: Days, asOf: string, cursor: string | null) =>
    request<Page<Member>>('GET', '/rates/tickets', {
      query: { ...rowQuery(opened.row, days), figure: opened.figure, part: opened.part, adjusted: opened.adjusted, as_of: asOf, cursor, limit: 50 },
    }),
  exportAddress: (choice: Choice, format: 'xlsx' | 'csv') => {
    const query = new URLSearchParams({ format })
    for (const [name, value] of Object.entries(tableQuery(choice))) if (value !== '' && value !== null) query.set(name, String(value))
    return `/api/v1/rates/export?${query}`
  },
}
