import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { useCase } from '@/casework/stores/case'
import { useBoxList } from '@/casework/stores/box-list'
import { useForms } from '@/casework/stores/forms'
import { refusalOf, sizeText } from '@/casework/uploads'
import { useBell } from '@/stores/bell'
import { pressing } from '@/unit/store'

import { casefile, event } from './casefiles'

beforeEach(() => {
  setActivePinia(createPinia())
  sessionStorage.clear()
})

describe('a form about a ticket', () => {
  it('follows the ticket until something is written, and then keeps what was seen', () => {
    const forms = useForms()
    const before = { ticket: casefile(), n: 1 }
    const after = { ticket: casefile({ version: 4, events: [...before.ticket.events, event(4, 'amended')] }), n: 1 }
    expect(forms.of('reply', before)).toMatchObject({ version: 3, seen: 3 })
    const form = forms.of('reply', after)
    expect(form).toMatchObject({ version: 4, seen: 4 })
    form.values.text = '已办'
    form.touched = true
    const later = { ticket: casefile({ version: 9 }), n: 1 }
    expect(forms.of('reply', later)).toMatchObject({ version: 4, values: { text: '已办' } })
    expect(forms.unsent()).toBe(true)
    forms.catchUp(form, later)
    expect(forms.of('reply', later)).toMatchObject({ version: 9, seen: 3, values: { text: '已办' } })
  })

  it('is another one for each assignment, and gone when it was sent', () => {
    const forms = useForms()
    const one = { ticket: casefile(), n: 1 }
    const form = forms.of('reply', one)
    form.touched = true
    expect(forms.touched('reply', { ticket: one.ticket, n: 2 })).toBe(false)
    forms.drop('reply', one)
    expect(forms.unsent()).toBe(false)
  })
})

describe('the opened ticket', () => {
  it('is not overwritten by an older answer that comes late', () => {
    const file = useCase()
    file.show(casefile({ version: 5 }))
    file.show(casefile({ version: 4 }))
    expect(file.ticket?.version).toBe(5)
  })

  it('gives way to another one whatever its version', () => {
    const file = useCase()
    file.show(casefile({ version: 5 }))
    file.show(casefile({ id: 8, version: 1 }))
    expect(file.ticket?.id).toBe(8)
  })
})

describe('a list of boxes', () => {
  interface Row {
    id: number
  }
  const same = (a: Row, b: Row) => a.id === b.id

  it('throws away what comes for a box that is no longer shown', async () => {
    const answers = new Map<string, (rows: Row[]) => void>()
    const list = useBoxList<'a' | 'b', Row, { n: number }>(
      'a',
      () => Promise.resolve({ n: 1 }),
      (box) => new Promise((resolve) => answers.set(box, (items) => resolve({ items }))),
      same,
    )
    const first = list.load()
    const second = list.show('b')
    answers.get('b')?.([{ id: 2 }])
    await second
    answers.get('a')?.([{ id: 1 }])
    await first
    expect(list.items.value).toEqual([{ id: 2 }])
  })

  it('keeps the rows on the screen when reading anew fails, and says so only when there are none', async () => {
    const read = vi.fn()
    read.mockResolvedValueOnce({ items: [{ id: 1 }], next_cursor: 'x' })
    read.mockRejectedValueOnce(new Error('away'))
    const list = useBoxList<'a', Row, { n: number }>('a', () => Promise.reject(new Error('away')), read, same)
    await list.load()
    await list.load()
    expect([list.phase.value, list.items.value.length, list.summary.value]).toEqual(['ready', 1, null])
    const empty = useBoxList<'a', Row, { n: number }>('a', () => Promise.resolve({ n: 0 }), () => Promise.reject(new Error('away')), same)
    await empty.load()
    expect(empty.phase.value).toBe('failed')
  })

  it('shows a row once although it slid onto the next page', async () => {
    const pages = { first: { items: [{ id: 1 }, { id: 2 }], next_cursor: 'x' }, second: { items: [{ id: 2 }, { id: 3 }], next_cursor: null } }
    const list = useBoxList<'a', Row, { n: number }>('a', () => Promise.resolve({ n: 3 }), (_box, cursor) => Promise.resolve(cursor === null ? pages.first : pages.second), same)
    await list.load()
    await list.loadMore()
    expect(list.items.value.map(({ id }) => id)).toEqual([1, 2, 3])
    expect(list.cursor.value).toBeNull()
  })
})

describe('the box that is shown first', () => {
  it.each([
    [{ in_hand: 9, overdue: 1, to_sign: 3 }, 'overdue'],
    [{ in_hand: 9, to_sign: 3 }, 'to_sign'],
    [{ helping: 1 }, 'helping'],
    [{}, 'to_sign'],
  ])('of %j is %s', (counts, box) => {
    expect(pressing(counts)).toBe(box)
  })
})

describe('a file', () => {
  it.each([
    ['现场.JPG', 1000, undefined],
    ['整改报告.docx', 1000, undefined],
    ['程序.exe', 1000, 'act.file.kind'],
    ['没有后缀', 1000, 'act.file.kind'],
    ['空.pdf', 0, 'act.file.empty'],
    ['长片.mp4', 21 * 1024 * 1024, 'act.file.large'],
    ['刚好.mp4', 20 * 1024 * 1024, undefined],
  ])('%s of %i bytes is refused because of %s', (name, size, key) => {
    expect(refusalOf({ name, size })?.key).toBe(key)
  })

  it.each([[1, '1 KB'], [480 * 1024, '480 KB'], [3.25 * 1024 * 1024, '3.3 MB']])('of %i bytes reads %s', (bytes, words) => {
    expect(sizeText(bytes)).toBe(words)
  })
})

describe('the bell', () => {
  it('rings once for one entry and is silent once it was looked at', () => {
    const bell = useBell()
    const ring = { id: '4', kind: 'ticket_assigned', at: '', number: '20260302-000007', to: '/tickets/7' }
    bell.ring(ring)
    bell.ring(ring)
    bell.ring({ ...ring, id: '5' })
    expect([bell.unread, bell.rings.length]).toEqual([2, 2])
    bell.readAll()
    expect(bell.unread).toBe(0)
  })

  it('keeps fifty, over a reload of the tab', () => {
    const bell = useBell()
    for (let n = 0; n < 60; n += 1) bell.ring({ id: String(n), kind: 'changed', at: '', number: '', to: '' })
    setActivePinia(createPinia())
    expect(useBell().rings.map(({ id }) => id)[0]).toBe('59')
    expect(useBell().rings).toHaveLength(50)
  })
})
