import { describe, expect, it } from 'vitest'

import type { Category } from '@/api/types'
import { categoryGroups, findCategories } from '@/domain/categories'
import { meanClockText, percentText } from '@/domain/figures'
import { dialable, grouped, masked } from '@/domain/phone-number'
import { backoff, IdempotencyKeys } from '@/domain/random'
import { loudness } from '@/phone/levels'
import { noteOf } from '@/ticket/story'

describe('figures', () => {
  it.each([
    [0, 0, '—'], [0, 5, '0.0%'], [29, 30, '96.7%'], [1999, 2000, '99.9%'], [99_999, 100_000, '99.9%'], [7, 7, '100%'],
  ])('%d of %d is %s', (numerator, denominator, text) => {
    expect(percentText({ numerator, denominator })).toBe(text)
  })

  it('shows a mean only when something was counted', () => {
    expect(meanClockText({ numerator: 0, denominator: 0 })).toBe('—')
    expect(meanClockText({ numerator: 4108, denominator: 26 })).toBe('02:38')
  })
})

describe('phone numbers', () => {
  it.each([
    ['13800015678', '138****5678'], ['+86 138-0001-5678', '138****5678'], ['057112348210', '057****8210'], ['12345', '12345'],
  ])('%s is shown as %s', (number, text) => {
    expect(masked(number)).toBe(text)
  })

  it.each([
    ['138 0001 5678', '13800015678'], ['+8613800015678', '13800015678'], ['110', '110'], ['12', null], ['滨江路', null], ['20261122-000012', null],
  ])('%s dials %s', (typed, number) => {
    expect(dialable(typed)).toBe(number)
  })

  it('groups a mobile number to be read aloud', () => {
    expect([grouped('13800015678'), grouped('12345')]).toEqual(['138 0001 5678', '12345'])
  })
})

describe('categories', () => {
  const row = (code: string, name_zh: string, parent: string | null = null): Category => ({ code, name_zh, name_en: `en ${code}`, parent })
  const rows = [row('A', '城市管理'), row('A1', '路灯', 'A'), row('A2', '环卫', 'A'), row('A21', '垃圾清运', 'A2'), row('Z', '其他'), row('X', '孤儿', 'gone')]

  it('puts leaves under the path of their branches', () => {
    expect(categoryGroups(rows, false)).toEqual([
      { path: '', leaves: [{ code: 'Z', label: '其他' }, { code: 'X', label: '孤儿' }] },
      { path: '城市管理', leaves: [{ code: 'A1', label: '路灯' }] },
      { path: '城市管理 / 环卫', leaves: [{ code: 'A21', label: '垃圾清运' }] },
    ])
  })

  it.each([['路灯', ['A1']], ['城市 垃圾', ['A21']], ['城市管理', ['A1', 'A21']], ['没有', []], ['', ['Z', 'X', 'A1', 'A21']]])('finds %s', (query, codes) => {
    expect(findCategories(categoryGroups(rows, false), query).flatMap(({ leaves }) => leaves.map(({ code }) => code))).toEqual(codes)
  })

  it('shows no more than the list can bear', () => {
    const many = Array.from({ length: 500 }, (_, at) => row(`C${at}`, `类${at}`))
    expect(findCategories(categoryGroups(many, false), '', 200).flatMap(({ leaves }) => leaves)).toHaveLength(200)
  })
})

describe('retries', () => {
  it('repeat the key for the same content and change it with the content', () => {
    const keys = new IdempotencyKeys()
    const first = keys.for({ title: 'a' })
    expect(keys.for({ title: 'a' })).toBe(first)
    expect(keys.for({ title: 'b' })).not.toBe(first)
  })

  it('wait longer each time, up to a ceiling, never all at the same moment', () => {
    expect([0, 1, 2, 3].map((attempt) => backoff(attempt, () => 1))).toEqual([1000, 2000, 4000, 8000])
    expect(backoff(40, () => 1)).toBe(20_000)
    expect(backoff(3, () => 0)).toBe(4000)
  })
})

it.each([[0, 0], [0.001, 0], [10 ** -1.5, 0.5], [0.6, 1], [1, 1]])('a loudness of %d fills %d of the meter', (rms, level) => {
  expect(loudness(rms)).toBeCloseTo(level, 5)
})

it.each([
  ['已告知', '已告知'], [{ text: '已告知' }, '已告知'], [{ id: 7 }, ''], [null, ''],
])('the story shows of %o only what is to be read', (detail, note) => {
  expect(noteOf(detail)).toBe(note)
})
