import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { useHandovers } from '@/handovers/store'
import { policeApi } from '@/police/api'
import type { Handover, HandoverSummary } from '@/police/types'

const one = (id: number) => ({ id }) as HandoverSummary
const whole = (id: number, more: Partial<Handover> = {}) => ({ id, ...more }) as Handover

beforeEach(() => {
  setActivePinia(createPinia())
  vi.restoreAllMocks()
})

describe('the list of handovers', () => {
  it('of an earlier choice does not overtake that of a later one', async () => {
    let answer: (page: { items: HandoverSummary[] }) => void = () => undefined
    vi.spyOn(policeApi, 'page')
      .mockImplementationOnce(() => new Promise((resolve) => (answer = resolve)))
      .mockResolvedValueOnce({ items: [one(2)] })
    const list = useHandovers()
    const slow = list.load()
    list.choice.direction = 'outbound'
    await list.load()
    answer({ items: [one(1)] })
    await slow
    expect(list.items.map(({ id }) => id)).toEqual([2])
  })

  it('shows nothing twice when something came while it was read', async () => {
    vi.spyOn(policeApi, 'page')
      .mockResolvedValueOnce({ items: [one(3), one(2)], next_cursor: 'c' })
      .mockResolvedValueOnce({ items: [one(2), one(1)], next_cursor: null })
    const list = useHandovers()
    await list.load()
    await list.more()
    expect(list.items.map(({ id }) => id)).toEqual([3, 2, 1])
    expect(list.neighbour(2, 1)?.id).toBe(1)
    expect(list.neighbour(null, 1)?.id).toBe(3)
  })
})

describe('a handover', () => {
  it('stays on the screen when it cannot be read again', async () => {
    vi.spyOn(policeApi, 'one').mockResolvedValueOnce(whole(4)).mockRejectedValueOnce(new Error('away'))
    const list = useHandovers()
    await list.open(4)
    await list.open(4)
    expect(list.opened?.id).toBe(4)
    expect(list.failure).toBeNull()
  })
})
