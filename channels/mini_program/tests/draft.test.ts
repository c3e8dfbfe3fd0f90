import { describe, expect, it } from 'vitest'

import { bodyOf, type Draft, firstTrouble, isBegun, lengthOf, neighbour, newDraft, stepAt, STEPS, troubleOf } from '../miniprogram/report/draft'
import { momentText } from '../miniprogram/look/moments'
import { fill } from '../miniprogram/words/index'
import { FORM } from './wechat'

const draft = (changes: Partial<Draft> = {}): Draft => ({ ...newDraft('k'), type: 'help', text: '三盏路灯不亮', ...changes })
const place = (address: string) => ({ address, latitude: null, longitude: null })

describe('a draft', () => {
  it.each<[string, Draft, (typeof STEPS)[number], string | null]>([
    ['without a kind', draft({ type: null }), 'type', 'choose_type'],
    ['of four characters', draft({ text: ' 路灯不亮 ' }), 'text', 'short'],
    ['of five', draft({ text: '路灯不亮了' }), 'text', null],
    ['of as many as are taken', draft({ text: '灯'.repeat(4000) }), 'text', null],
    ['of one more', draft({ text: '灯'.repeat(4001) }), 'text', 'long'],
    ['whose signs take two places each', draft({ text: '😀'.repeat(4000) }), 'text', null],
    ['with a long address', draft({ place: place('路'.repeat(201)) }), 'place', 'address_long'],
    ['with a long name', draft({ name: '名'.repeat(41) }), 'who', 'name_long'],
    ['that is whole', draft(), 'check', null],
  ])('%s', (_what, one, step, trouble) => {
    expect(troubleOf(one, step, FORM.limits)).toBe(trouble)
  })

  it('is sent back to the first question that does not hold', () => {
    expect(firstTrouble(draft(), FORM.limits)).toBeNull()
    expect(firstTrouble(draft({ text: '', place: place('路'.repeat(201)) }), FORM.limits)).toBe('text')
  })

  it('says nothing of who is anonymous, and keeps who reports wrongdoing secret', () => {
    expect(bodyOf(draft({ anonymous: true, name: '孙丽' })).name).toBe('')
    expect(bodyOf(draft({ type: 'report' })).confidential).toBe(true)
    expect(bodyOf(draft()).confidential).toBe(false)
  })

  it('has both degrees of a place or neither', () => {
    expect(bodyOf(draft({ place: { address: '', latitude: 31.5, longitude: null } }))).not.toHaveProperty('latitude')
    expect(bodyOf(draft({ place: { address: '', latitude: 31.5, longitude: 121.4 } }))).toMatchObject({ latitude: 31.5, longitude: 121.4 })
  })

  it('with nothing in it is not missed', () => {
    expect(isBegun(newDraft('k'))).toBe(false)
    expect(isBegun(draft())).toBe(true)
  })
})

it('goes through the questions in their order and stops at the ends', () => {
  expect([neighbour('type', -1), neighbour('type', 1), neighbour('check', 1)]).toEqual([null, 'text', null])
})

it.each([['/text', 'text'], ['/attachments/0', 'files'], ['/latitude', 'place'], ['/file', 'files'], ['', 'check'], ['/unheard', 'check']])(
  'finds the question of the field %j', (pointer, step) => { expect(stepAt(pointer)).toBe(step) },
)

it.each([
  ['2026-03-02T01:30:00Z', '3-02 09:30'],
  ['2026-03-02T16:05:00+00:00', '3-03 00:05'],
  ['2025-12-31T15:59:00Z', '2025-12-31 23:59'],
  ['2025-12-31T16:00:00Z', '1-01 00:00'],
])('writes the moment %s as %s in the city', (instant, text) => {
  expect(momentText(instant, Date.parse('2026-03-02T02:00:00Z'))).toBe(text)
})

it('counts what a reader counts', () => {
  expect([lengthOf(' 路灯 '), lengthOf('😀')]).toEqual([2, 1])
})

it('fills in what it has and leaves what it has not', () => {
  expect(fill('第 {now} 步，共 {all} 步', { now: 2 })).toBe('第 2 步，共 {all} 步')
})
