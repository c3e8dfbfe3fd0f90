import { describe, expect, it } from 'vitest'

import { type ActionName, actionOf, ACTIONS, allowed, longestExtension, openHelpers, wallClock } from '@/casework/actions'
import { bodyOf, changedOf, fieldAt, shownFields, type Subject, troublesOf, type Values, valuesOf, type Verdict } from '@/casework/fields'
import caseworkEn from '@/casework/i18n/en'
import caseworkZh from '@/casework/i18n/zh-CN'

import { assignment, casefile } from './casefiles'

const NAMES = Object.keys(ACTIONS) as ActionName[]
const subject = (changes: Parameters<typeof casefile>[0] = {}, n: number | null = 1): Subject => ({ ticket: casefile(changes), n })

function verdictOf(name: ActionName, which: string): Verdict {
  const found = actionOf(name).verdicts.find((one) => one.name === which)
  if (found === undefined) throw new Error(`${name} has no ${which}`)
  return found
}

const troubles = (name: ActionName, values: Values, about = subject(), which = 'send') =>
  troublesOf(actionOf(name).fields, verdictOf(name, which), { ...valuesOf(actionOf(name).fields, about), ...values }, about).map(({ field }) => field)
const body = (name: ActionName, values: Values, about = subject(), which = 'send') =>
  bodyOf(actionOf(name).fields, verdictOf(name, which), { ...valuesOf(actionOf(name).fields, about), ...values }, about)

describe('what the server allows', () => {
  it('is a word and the assignment that it concerns', () => {
    expect(allowed(['dispatch', 'sign:2'])).toEqual([{ name: 'dispatch', n: null }, { name: 'sign', n: 2 }])
  })
})

describe('every action', () => {
  it.each(NAMES)('%s has its words in both languages', (name) => {
    for (const words of [caseworkZh, caseworkEn]) {
      const said = (words.act as unknown as Record<string, Record<string, string>>)[name] ?? {}
      const asked = ['title', 'do', 'done', ...actionOf(name).verdicts.map((verdict) => verdict.name)]
      expect(asked.filter((key) => said[key] === undefined)).toEqual([])
    }
  })

  it.each(NAMES)('%s names each of its fields and choices in both languages', (name) => {
    for (const words of [caseworkZh, caseworkEn]) {
      const names = words.field as Record<string, string>
      const options = words.option as unknown as Record<string, Record<string, string>>
      for (const field of actionOf(name).fields) {
        expect(names[field.name]).toBeTypeOf('string')
        const codes = field.kind === 'yesno' ? ['yes', 'no'] : (field.options ?? [])
        const shared = ['type', 'urgency', 'limit'].includes(field.name)
        expect(shared ? [] : codes.filter((code) => options[field.name]?.[code] === undefined)).toEqual([])
      }
    }
  })
})

describe('a reply', () => {
  it('needs its text and whether the citizen was contacted', () => {
    expect(troubles('reply', {})).toEqual(['text', 'contacted'])
    expect(troubles('reply', { text: '已办', contacted: 'no' })).toEqual([])
  })

  it('sends "not contacted" as false and leaves out what was not filled', () => {
    expect(body('reply', { text: ' 已办结 ', contacted: 'no' })).toEqual({ text: '已办结', contacted: false, attachments: [] })
  })

  it('of a lead whose helpers are still at it says why it does not wait', () => {
    const helped = { assignments: [assignment(), assignment({ n: 2, unit: 'HWZ', role: 'helper' as const })] }
    expect(openHelpers(casefile(helped))).toEqual(['HWZ'])
    expect(troubles('reply', { text: '已办', contacted: 'yes' }, subject(helped))).toEqual(['without_helpers'])
    expect(troubles('reply', { text: '已办', contacted: 'yes' }, subject(helped, 2))).toEqual([])
  })

  it('does not wait for a helper that has replied', () => {
    const helped = { assignments: [assignment(), assignment({ n: 2, unit: 'HWZ', role: 'helper' as const, state: 'finished' as const })] }
    expect(troubles('reply', { text: '已办', contacted: 'yes' }, subject(helped))).toEqual([])
  })

  it('may be 4000 characters long, however they are stored', () => {
    expect(troubles('reply', { text: '𠮷'.repeat(4000), contacted: 'yes' })).toEqual([])
    expect(troubles('reply', { text: '𠮷'.repeat(4001), contacted: 'yes' })).toEqual(['text'])
  })
})

describe('an extension', () => {
  it.each([
    ['5wd', 5], ['10wd', 10], ['24h', 1], ['2h', 0], ['16wh', 2], ['soon', 0], [undefined, 0],
  ])('of a limit of %s may be %s days at most', (limit, days) => {
    expect(longestExtension(limit)).toBe(days)
  })

  it.each([
    ['0', ['days']], ['6', ['days']], ['2.5', ['days']], ['two', ['days']], ['5', []],
  ])('by "%s" days of a limit of five has troubles at %j', (days, fields) => {
    expect(troubles('extension', { days, reason: '材料未到' })).toEqual(fields)
  })

  it('sends days as a number', () => {
    expect(body('extension', { days: '3', reason: '材料未到' })).toEqual({ days: 3, reason: '材料未到' })
  })
})

describe('a lane', () => {
  it('at once asks for nothing more', () => {
    expect(troubles('lane', { lane: 'at_once' })).toEqual([])
  })

  it('of a complex matter needs a plan and a time for the talk', () => {
    expect(troubles('lane', { lane: 'complex' })).toEqual(['text', 'talk_by'])
  })

  it('sends nothing of what another lane had asked for', () => {
    const told = { lane: 'unreasonable', text: '已有生效判决', talk_by: '2026-03-04T10:00' }
    expect(body('lane', told)).toEqual({ lane: 'unreasonable', text: '已有生效判决' })
  })

  it('sends a moment with its zone', () => {
    const at = Date.parse('2026-03-04T10:00:00Z')
    expect(body('lane', { lane: 'complex', text: '先取证', talk_by: wallClock(at) })).toMatchObject({ talk_by: '2026-03-04T10:00:00.000Z' })
  })
})

describe('a decision', () => {
  it('needs a reason only when it refuses', () => {
    expect(troubles('extension_decision', {}, subject(), 'approve')).toEqual([])
    expect(troubles('extension_decision', {}, subject(), 'refuse')).toEqual(['reason'])
    expect(troubles('audit', { reason: ' ' }, subject(), 'send_back')).toEqual(['reason'])
  })

  it('says which way it went', () => {
    expect(body('audit', { reason: '缺少照片' }, subject(), 'send_back')).toEqual({ accept: false, reason: '缺少照片' })
    expect(body('stop_decision', {}, subject(), 'approve')).toEqual({ approve: true })
  })
})

describe('an amendment', () => {
  it('begins with the ticket as it stands and sends only what differs', () => {
    const { fields } = actionOf('amend')
    const about = subject()
    const values = { ...valuesOf(fields, about), title: '工地半夜打桩', confidential: true, reason: '听录音更正' }
    const whole = bodyOf(fields, verdictOf('amend', 'send'), values, about)
    expect(changedOf(fields, whole, about)).toEqual({ title: '工地半夜打桩', confidential: true, reason: '听录音更正' })
  })

  it('only hides the citizen once nobody works on the ticket any more', () => {
    const { fields } = actionOf('amend')
    const about = subject({ state: 'archived' })
    expect(shownFields(fields, valuesOf(fields, about), about).map(({ name }) => name)).toEqual(['confidential', 'reason'])
  })
})

describe('a field', () => {
  it('is found by the pointer of the server’s problem, also inside a list', () => {
    const { fields } = actionOf('reply')
    expect(fieldAt('/attachments/0', fields)).toBe('attachments')
    expect(fieldAt('#/text', fields)).toBe('text')
    expect(fieldAt('/version', fields)).toBe('')
  })
})
