import { beforeEach, expect, it, vi } from 'vitest'

import { noteProven, proven } from '@/device/proven'
import { noteFiled } from '@/report/mine'

const shown = (hours: number) => ({ phone: '13800015121', pass: 'p.1', until: new Date(Date.now() + hours * 3_600_000).toISOString() })
const filed = { number: '20260302-000001', query_code: null, ticket_pass: 't.1' }

beforeEach(() => {
  noteProven(null)
})

it('keeps the number that was shown for as long as its pass holds, over a reload of the tab', async () => {
  noteProven(shown(1))
  expect(proven.value?.phone).toBe('13800015121')
  vi.resetModules()
  const again = await import('@/device/proven')
  expect(again.proven.value?.pass).toBe('p.1')
  noteProven(shown(-1))
  expect(proven.value).toBeNull()
})

it('keeps no number of one who has sent what is to stay secret', () => {
  noteProven(shown(1))
  noteFiled(filed, 'matter', 'help', false)
  expect(proven.value).not.toBeNull()
  noteFiled(filed, 'matter', 'report', true)
  expect(proven.value).toBeNull()
})
