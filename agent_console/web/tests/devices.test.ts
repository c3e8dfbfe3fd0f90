import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { devices as service } from '@/devices/api'
import { readPlace } from '@/devices/place'
import { useDevices } from '@/devices/store'
import type { Device } from '@/devices/types'

const device = (id: number): Device => ({
  id, device: `${id}.1`, active: true, name: '', phone_masked: '', address: '', created_at: '', seen_at: null,
})

describe('a place', () => {
  it.each([
    ['30.27415, 120.15515', { latitude: 30.27415, longitude: 120.15515 }],
    ['30.2，120.1', { latitude: 30.2, longitude: 120.1 }],
    ['-1 -2', { latitude: -1, longitude: -2 }],
    ['  ', { latitude: null, longitude: null }],
    ['120.15515, 30.27415', null],
    ['90.5, 1', null],
    ['near the bridge', null],
  ])('typed as %j is read', (typed, place) => {
    expect(readPlace(typed)).toEqual(place)
  })
})

describe('the list of devices', () => {
  beforeEach(() => {
    setActivePinia(createPinia())
    vi.restoreAllMocks()
  })

  it('read anew is as long as it was', async () => {
    const pages: Record<string, { items: Device[]; next_cursor: string | null }> = {
      first: { items: [device(1), device(2)], next_cursor: '2' },
      2: { items: [device(3)], next_cursor: null },
    }
    vi.spyOn(service, 'page').mockImplementation((cursor) => Promise.resolve(pages[cursor ?? 'first'] ?? { items: [] }))
    const list = useDevices()
    await list.load()
    expect(list.items.map(({ id }) => id)).toEqual([1, 2])
    await list.more()
    await list.load()
    expect(list.items.map(({ id }) => id)).toEqual([1, 2, 3])
  })
})
