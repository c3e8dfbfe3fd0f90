import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { reports as service, rowQuery, tableQuery } from '@/reports/api'
import { daysOf, periodOf, PERIODS, stepDays } from '@/reports/periods'
import { ratioOf, useReports } from '@/reports/store'
import type { Choice, Member, Row, Table } from '@/reports/types'

const NOW = new Date(2026, 2, 4, 9, 30).getTime() // a Wednesday
const ratio = (numerator: number, denominator: number) => ({ numerator, denominator, shown: '' })
const row = (key: Row['key']): Row => ({ key, name_zh: '', name_en: '', rank: null, cells: {} })
const table = (over: Partial<Table> = {}): Table => ({
  cohort: { first: '2026-03-01', last: '2026-03-04', as_of: '2026-03-04T01:30:00Z' },
  compared: null, group: ['unit'], figures: ['response'], rows: [], total: row({}), mean_of_units: {}, worst_day: {}, ...over,
})
const member = (id: number): Member => ({ id }) as Member

describe('periods', () => {
  it('end today, but for the month that is over', () => {
    expect(daysOf('today', NOW)).toEqual({ first: '2026-03-04', last: '2026-03-04' })
    expect(daysOf('week', NOW)).toEqual({ first: '2026-03-02', last: '2026-03-04' })
    expect(daysOf('month', NOW)).toEqual({ first: '2026-03-01', last: '2026-03-04' })
    expect(daysOf('last_month', NOW)).toEqual({ first: '2026-02-01', last: '2026-02-28' })
    expect(daysOf('year', NOW)).toEqual({ first: '2026-01-01', last: '2026-03-04' })
  })

  it('begin a week on Monday, on a Sunday too', () => {
    expect(daysOf('week', new Date(2026, 2, 8).getTime()).first).toBe('2026-03-02')
  })

  it('are known again by their days, and own choices have no name', () => {
    for (const name of PERIODS) expect(periodOf(daysOf(name, NOW), NOW)).toBe(name)
    expect(periodOf({ first: '2026-01-05', last: '2026-01-06' }, NOW)).toBeNull()
  })

  it('cut a step to what was asked for', () => {
    const within = { first: '2026-02-10', last: '2026-03-04' }
    expect(stepDays('month', '2026-02-01', within)).toEqual({ first: '2026-02-10', last: '2026-02-28' })
    expect(stepDays('week', '2026-03-02', within)).toEqual({ first: '2026-03-02', last: '2026-03-04' })
    expect(stepDays('day', '2026-02-11', within)).toEqual({ first: '2026-02-11', last: '2026-02-11' })
  })
})

describe('a question', () => {
  const choice: Choice = { set: 'three', group: 'unit', first: '2026-03-01', last: '2026-03-04', compare: '', adjusted: true, ranked: true }

  it('names figures, days and group, and ranks by the first figure', () => {
    expect(tableQuery(choice)).toEqual({
      figures: 'response,completion,satisfaction', group: 'unit', from: '2026-03-01', to: '2026-03-04', compare: '', rank: 'response',
    })
  })

  it('narrows the list to the row that was opened', () => {
    const days = { first: '2026-02-10', last: '2026-03-04' }
    expect(rowQuery(row({ unit: 'CGJ' }), days)).toEqual({ from: '2026-02-10', to: '2026-03-04', unit: 'CGJ' })
    expect(rowQuery(row({ unit: null }), days)).toMatchObject({ unit: '-' })
    expect(rowQuery(row({ month: '2026-02-01' }), days)).toEqual({ from: '2026-02-10', to: '2026-02-28' })
  })

  it('shows what was counted, or what is left without the excluded', () => {
    const cell = { raw: ratio(9, 10), adjusted: ratio(9, 9), excluded: [], compared: null }
    expect(ratioOf(cell, false).denominator).toBe(10)
    expect(ratioOf(cell, true).denominator).toBe(9)
  })
})

describe('the report', () => {
  beforeEach(() => {
    setActivePinia(createPinia())
    vi.restoreAllMocks()
    vi.spyOn(service, 'definitions').mockResolvedValue({ items: [] })
  })

  it('is not overwritten by an older answer that comes late', async () => {
    let late: (found: Table) => void = () => undefined
    vi.spyOn(service, 'table').mockReturnValueOnce(new Promise((resolve) => { late = resolve })).mockResolvedValueOnce(table({ figures: ['completion'] }))
    const store = useReports()
    const first = store.load()
    await store.load()
    late(table({ figures: ['response'] }))
    await first
    expect(store.table?.figures).toEqual(['completion'])
  })

  it('opens a number into its tickets as of the moment of the table, page by page', async () => {
    vi.spyOn(service, 'table').mockResolvedValue(table())
    const members = vi.spyOn(service, 'members').mockResolvedValueOnce({ items: [member(9)], next_cursor: 'c' }).mockResolvedValueOnce({ items: [member(4)], next_cursor: null })
    const store = useReports()
    await store.load()
    await store.open('response', 'numerator', row({ unit: 'CGJ' }), 2)
    await store.more()
    expect(store.members.map(({ id }) => id)).toEqual([9, 4])
    expect(store.cursor).toBeNull()
    expect(members.mock.calls[1]?.slice(1)).toEqual([{ first: '2026-03-01', last: '2026-03-04' }, '2026-03-04T01:30:00Z', 'c'])
    expect(store.opened?.adjusted).toBe(true)
  })

  it('keeps the choice when it could not be read', async () => {
    vi.spyOn(service, 'table').mockRejectedValue(new Error('away'))
    const store = useReports()
    store.choice.group = 'category'
    await store.load()
    expect([store.phase, store.choice.group]).toEqual(['failed', 'category'])
  })
})
