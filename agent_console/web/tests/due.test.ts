import { describe, expect, it } from 'vitest'

import { timeLeft } from '@/domain/due'

const NOW = Date.parse('2026-03-02T10:00:00Z')
const left = (due: string, soon?: number) => timeLeft(due, NOW, soon)

describe('the time that is left', () => {
  it.each([
    ['2026-03-05T13:30:00Z', 'calm', 'days', 3, 3],
    ['2026-03-04T10:00:01Z', 'calm', 'whole_days', 2, 0],
    ['2026-03-04T10:00:00Z', 'soon', 'whole_days', 2, 0],
    ['2026-03-02T11:20:00Z', 'soon', 'hours', 1, 20],
    ['2026-03-02T12:00:30Z', 'soon', 'whole_hours', 2, 0],
    ['2026-03-02T10:00:59Z', 'soon', 'minutes', 0, 0],
    ['2026-03-02T10:00:00Z', 'soon', 'minutes', 0, 0],
    ['2026-03-02T09:59:59Z', 'overdue', 'minutes', 0, 0],
    ['2026-03-02T07:15:00Z', 'overdue', 'hours', 2, 45],
    ['2026-02-28T10:00:00Z', 'overdue', 'whole_days', 2, 0],
  ])('until %s is %s', (due, kind, key, large, small) => {
    expect(left(due)).toEqual({ kind, key, large, small })
  })

  it('of a short limit is not about to be late two days before', () => {
    expect(left('2026-03-02T11:30:00Z', 1)?.kind).toBe('calm')
    expect(left('2026-03-02T10:40:00Z', 1)?.kind).toBe('soon')
  })

  it.each([null, undefined, '', 'soon'])('of %j is unknown', (due) => {
    expect(timeLeft(due, NOW)).toBeNull()
  })
})
