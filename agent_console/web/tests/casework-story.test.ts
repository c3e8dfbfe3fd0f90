import { describe, expect, it } from 'vitest'

import { citizensFiles, instructionsOf, replyOf } from '@/casework/reading'
import { keptLimit, nextSteps, notesOf } from '@/casework/story'

import { assignment, casefile, event } from './casefiles'

describe('an event of the story', () => {
  it('tells its detail in a fixed order and leaves ids and blanks out', () => {
    const detail = { n: 1, note: '请核查', helpers: [], lead: 'CGJ', terms: { due_at: '2026-03-09T10:00:00Z', limit: '5wd' }, callback_id: 3 }
    expect(notesOf(detail).map(({ name }) => name)).toEqual(['lead', 'limit', 'due_at', 'note'])
  })

  it('shows what an amendment changed, with what stood there before', () => {
    expect(notesOf({ changes: { title: '新' }, was: { title: '旧' }, reason: '更正' })).toEqual([
      { kind: 'words', name: 'reason', value: '更正' },
      { kind: 'change', name: 'title', value: ['旧', '新'] },
    ])
  })

  it.each([null, 'text', 3, undefined])('without a readable detail (%j) has no notes', (detail) => {
    expect(notesOf(detail)).toEqual([])
  })

  it('says how a signature and a reply kept their limits', () => {
    const ticket = casefile()
    expect(keptLimit({ ...event(3, 'signed', { n: 1 }), at: '2026-03-02T02:30:00Z' }, ticket)).toMatchObject({ kind: 'soon', key: 'minutes', large: 30 })
    expect(keptLimit({ ...event(4, 'replied', { n: 1 }), at: '2026-03-10T10:00:00Z' }, ticket)).toMatchObject({ kind: 'overdue', key: 'whole_days', large: 1 })
    expect(keptLimit(event(5, 'lane_chosen', { n: 1 }), ticket)).toBeNull()
    expect(keptLimit(event(5, 'signed', { n: 9 }), ticket)).toBeNull()
  })
})

describe('what comes next', () => {
  it('is dispatch, then what each unit owes, then the audit', () => {
    expect(nextSteps(casefile({ state: 'to_dispatch', assignments: [] })).map(({ key }) => key)).toEqual(['dispatch'])
    const both = [assignment({ state: 'dispatched' }), assignment({ n: 2, unit: 'HWZ', role: 'helper' })]
    expect(nextSteps(casefile({ assignments: both })).map(({ key, unit }) => [key, unit])).toEqual([['sign', 'CGJ'], ['reply', 'HWZ']])
    expect(nextSteps(casefile({ state: 'replied', assignments: [assignment({ state: 'replied' })] })).map(({ key }) => key)).toEqual(['audit'])
    expect(nextSteps(casefile({ state: 'archived', assignments: [assignment({ state: 'finished' })] }))).toEqual([])
  })
})

describe('a casefile', () => {
  const files = [
    { id: 10, name: '现场.jpg', size: 1, type: 'image/jpeg' },
    { id: 11, name: '整改.pdf', size: 1, type: 'application/pdf' },
  ]
  const ticket = casefile({
    attachments: files,
    events: [
      event(1, 'instructed', { text: '尽快' }, '9001'),
      event(2, 'replied', { n: 1, text: '初稿', contacted: false }),
      event(3, 'sent_back', { reason: '缺照片' }),
      event(4, 'instructed', { text: '今晚办结' }, '9001'),
      event(5, 'replied', { n: 1, text: '终稿', contacted: true, attachments: [11] }),
    ],
  })

  it('puts the newest instruction first', () => {
    expect(instructionsOf(ticket).map(({ text }) => text)).toEqual(['今晚办结', '尽快'])
  })

  it('shows the last reply with its files, and the others as the citizen’s', () => {
    expect(replyOf(ticket, 1)).toMatchObject({ text: '终稿', contacted: true, files: [{ id: 11 }] })
    expect(replyOf(ticket, 2)).toBeNull()
    expect(citizensFiles(ticket).map(({ id }) => id)).toEqual([10])
  })
})
