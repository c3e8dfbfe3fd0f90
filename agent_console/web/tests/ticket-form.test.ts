import { describe, expect, it } from 'vitest'

import { draftOf, emptyDraft, fieldOf, lengthOf, problemsOf, requestOf, savedBody, type TicketDraft } from '@/domain/ticket-form'

const filled = (changes: Partial<TicketDraft> = {}): TicketDraft => ({
  ...emptyDraft(),
  type: 'help',
  category: 'A2',
  title: '滨江路路灯不亮',
  text: '连续三晚不亮，希望尽快修复。',
  address: '滨江路 118 号',
  answer: '今晚抢修',
  ...changes,
})
const pointers = (draft: TicketDraft) => problemsOf(draft).map((problem) => problem.pointer)

describe('the ticket form', () => {
  it('has no problem when it is filled', () => {
    expect(problemsOf(filled())).toEqual([])
  })

  it('names every missing field of an empty form in its order', () => {
    expect(pointers(emptyDraft())).toEqual(['/type', '/category', '/title', '/text', '/answer/text'])
  })

  it.each<[string, Partial<TicketDraft>, string[]]>([
    ['a title of one character', { title: '灯' }, ['/title']],
    ['a title of 60 characters', { title: '灯'.repeat(60) }, []],
    ['a title of 61 characters', { title: '灯'.repeat(61) }, ['/title']],
    ['a title of spaces', { title: '   ' }, ['/title']],
    ['a text of 4001 characters', { text: '灯'.repeat(4001) }, ['/text']],
    ['an empty address', { address: '' }, []],
    ['an address of 201 characters', { address: '路'.repeat(201) }, ['/address']],
    ['a name of 41 characters', { citizen_name: '王'.repeat(41) }, ['/citizen_name']],
    ['no answer when it is left for dispatch', { answer: '', handling: 'dispatch' }, []],
    ['no answer when it is answered now', { answer: '' }, ['/answer/text']],
  ])('judges %s', (_, changes, expected) => {
    expect(pointers(filled(changes))).toEqual(expected)
  })

  it('says how much is too much', () => {
    expect(problemsOf(filled({ title: '灯'.repeat(63) }))).toEqual([{ pointer: '/title', key: 'form.problem.long', params: { most: 60, over: 3 } }])
  })

  it('counts a rare character and an emoji as one', () => {
    expect(lengthOf(' 𠮷👍 ')).toBe(2)
  })

  it('asks for an answered ticket with its answer and for an open one with none', () => {
    expect(requestOf(filled(), 5, 9)).toMatchObject({ call_id: 5, contact_id: 9, answer: { text: '今晚抢修' } })
    expect(requestOf(filled({ handling: 'dispatch' }), 5, 9).answer).toBeNull()
  })

  it('names the counter only when there is neither call nor contact', () => {
    expect(requestOf(filled(), 5, null)).not.toHaveProperty('channel')
    expect(requestOf(filled(), null, null)).toMatchObject({ channel: 'counter', call_id: null, contact_id: null })
  })

  it('leaves an empty name and phone out of the request', () => {
    const request = requestOf(filled(), 5, null)
    expect(request).not.toHaveProperty('citizen_name')
    expect(request).not.toHaveProperty('callback_phone')
  })

  it.each<[string, TicketDraft]>([
    ['empty', emptyDraft()],
    ['full', filled({ urgency: 'critical', confidential: true, call_me_not: true, citizen_name: '李' })],
    ['left for dispatch', filled({ handling: 'dispatch', answer: '' })],
    ['answered without words yet', filled({ answer: '' })],
  ])('comes back from the server as it was typed: %s', (_, draft) => {
    expect(draftOf(JSON.parse(JSON.stringify(savedBody(draft))) as Record<string, unknown>)).toEqual(draft)
  })

  it('takes nothing strange from a saved draft', () => {
    expect(draftOf({ type: 'riot', urgency: 7, title: ['x'], unknown: 1, confidential: 'yes' })).toEqual(emptyDraft())
  })

  it.each([
    ['/title', '/title'], ['#/title', '/title'], ['/answer', '/answer/text'], ['/answer/text', '/answer/text'], ['/call_id', ''],
  ])('puts the server’s %s at %s', (pointer, field) => {
    expect(fieldOf({ pointer, message_zh: '', message_en: '' })).toBe(field)
  })
})
