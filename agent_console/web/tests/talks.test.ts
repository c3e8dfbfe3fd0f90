import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { ApiProblem, NoAnswer } from '@/api/http'
import type { Session } from '@/api/types'
import type { Attachment } from '@/casework/types'
import type { Upload } from '@/casework/uploads'
import { emptyDraft } from '@/domain/ticket-form'
import type { DraftDesk } from '@/stores/drafts'
import { useSession } from '@/stores/session'
import { talks as api } from '@/talk/api'
import { acceptedBy, goesAsLink, refusedBy, takesFiles } from '@/talk/files'
import { citizensWords, fillFrom } from '@/talk/filling'
import { useTalks } from '@/talk/store'
import type { Talk, TalkMessage } from '@/talk/types'
import { preview } from '@/talk/words'

const message = (seq: number, text: string, more: Partial<TalkMessage> = {}): TalkMessage => ({
  seq, speaker: 'citizen', text, address: '', at: '2026-03-02T01:30:00Z', failure: '', failure_zh: '', failure_en: '', files: [], files_coming: 0, ...more,
})

const talk = (more: Partial<Talk> = {}): Talk => ({
  id: 7, channel: 'wechat', state: 'open', skill: '', agent: '1001', opened_at: '2026-03-02T01:30:00Z', unread: 0, last_seq: 1,
  last_at: '2026-03-02T01:30:00Z', preview: '', contact_id: 9, messages: [message(1, 'lamp broken')], tickets: [], earlier_tickets: [], earlier: [],
  happenings: [], others: [], file_limits: { 'image/png': 2_000_000 }, files_by_link: false, ...more,
})

const refusal = (status: number, type: string) => new ApiProblem(status, { type, status }, null)
const me = '1001'
const empty = { items: [], next_cursor: null }

beforeEach(() => {
  setActivePinia(createPinia())
  useSession().session = { user: { number: me, name: 'Li', role: 'agent', permissions: [] } } as unknown as Session
  vi.restoreAllMocks()
  vi.spyOn(api, 'box').mockResolvedValue(empty)
  vi.spyOn(api, 'messages').mockResolvedValue({ items: [], more: false })
})

const picture: Attachment = { id: 31, name: 'door.png', size: 900, type: 'image/png' }
const uploaded = (more: Partial<Upload> = {}): Upload => ({
  key: 'upload-1', name: 'door.png', size: 900, progress: 1, attachment: picture, failure: null, abort: () => undefined, ...more,
})

describe('a file', () => {
  it('goes after the words, as a message of its own, and is gone from the field', async () => {
    const talks = useTalks()
    talks.show(talk())
    const say = vi.spyOn(api, 'say')
      .mockResolvedValueOnce(message(2, 'see the picture', { speaker: 'agent' }))
      .mockResolvedValueOnce(message(3, '', { speaker: 'agent', files: [picture] }))
    Object.assign(talks.answerTo(7), { text: 'see the picture', uploads: [uploaded()] })
    await talks.say(7)
    expect(say.mock.calls.map(([, body]) => body)).toEqual([{ text: 'see the picture', after_seq: 1 }, { attachment: 31, after_seq: 2 }])
    expect(talks.answerTo(7)).toMatchObject({ text: '', uploads: [], sending: false })
  })

  it('is sent again as it was, under its key, when nobody knows whether it arrived', async () => {
    const talks = useTalks()
    talks.show(talk())
    const say = vi.spyOn(api, 'say').mockRejectedValueOnce(new NoAnswer('lost'))
    talks.answerTo(7).uploads = [uploaded()]
    await talks.say(7)
    expect(talks.answerTo(7).uploads).toHaveLength(1)
    talks.show(talk({ messages: [message(1, 'lamp broken'), message(2, 'hello?')] }))
    say.mockResolvedValueOnce(message(3, '', { speaker: 'agent', files: [picture] }))
    await talks.say(7)
    expect(say.mock.calls[1]).toEqual(say.mock.calls[0])
    expect(talks.answerTo(7).uploads).toEqual([])
  })

  it('that has arrived though nobody said so is not there to be sent again', async () => {
    const talks = useTalks()
    talks.show(talk())
    vi.spyOn(api, 'say').mockRejectedValueOnce(new NoAnswer('lost'))
    vi.spyOn(api, 'messages').mockResolvedValue({ items: [message(2, '', { speaker: 'agent', agent: me, files: [picture] })], more: false })
    talks.answerTo(7).uploads = [uploaded()]
    await talks.say(7)
    expect(talks.answerTo(7)).toMatchObject({ uploads: [], failure: null })
  })

  it('that is refused stays, with the reason', async () => {
    const talks = useTalks()
    talks.show(talk())
    const refused = refusal(422, 'invalid')
    vi.spyOn(api, 'say').mockRejectedValueOnce(refused)
    talks.answerTo(7).uploads = [uploaded()]
    await talks.say(7)
    expect(talks.answerTo(7).failure).toBe(refused)
    expect(talks.answerTo(7).uploads).toHaveLength(1)
  })

  it.each([
    ['plan.pdf', 100, 'talk.file.not_carried'],
    ['door.png', 3_000_000, 'talk.file.large'],
    ['door.exe', 100, 'talk.file.kind'],
    ['door.png', 0, 'talk.file.empty'],
    ['door.PNG', 100, undefined],
  ])('%s of %i bytes: %s', (name, size, key) => {
    expect(refusedBy(talk(), { name, size })?.key).toBe(key)
  })

  it('of any kind goes as a link where citizens can open one', () => {
    const open = talk({ files_by_link: true })
    expect(refusedBy(open, { name: 'plan.pdf', size: 100 })).toBeNull()
    expect(goesAsLink(open, { type: 'application/pdf', size: 100 })).toBe(true)
    expect(goesAsLink(open, picture)).toBe(false)
    expect(acceptedBy(open)).toContain('.pdf')
    expect(acceptedBy(talk())).toBe('.png')
    expect(takesFiles(talk({ file_limits: {} }))).toBe(false)
  })
})

describe('an answer', () => {
  it('is sent again as it was, under its key, when nobody knows whether it arrived', async () => {
    const talks = useTalks()
    talks.show(talk())
    const say = vi.spyOn(api, 'say').mockRejectedValueOnce(new NoAnswer('lost'))
    talks.answerTo(7).text = 'on our way'
    await talks.say(7)
    expect(talks.answerTo(7)).toMatchObject({ text: 'on our way', sending: false })
    expect(talks.answerTo(7).failure).toBeInstanceOf(NoAnswer)
    // What comes in meanwhile does not make it another message.
    talks.show(talk({ messages: [message(1, 'lamp broken'), message(2, 'hello?')] }))
    say.mockResolvedValueOnce(message(3, 'on our way', { speaker: 'agent' }))
    await talks.say(7)
    const [first, second] = say.mock.calls
    expect(second).toEqual(first)
    expect(talks.answerTo(7).text).toBe('')
    expect(talks.opened?.messages.map(({ seq }) => seq)).toEqual([1, 2, 3])
  })

  it('that has arrived though nobody said so is not there to be sent again', async () => {
    const talks = useTalks()
    talks.show(talk())
    vi.spyOn(api, 'say').mockRejectedValueOnce(new NoAnswer('lost'))
    vi.spyOn(api, 'messages').mockResolvedValue({ items: [message(2, 'on our way', { speaker: 'agent', agent: me })], more: false })
    talks.answerTo(7).text = 'on our way'
    await talks.say(7)
    expect(talks.answerTo(7)).toMatchObject({ text: '', failure: null, sending: false })
  })

  it('does not swallow what is typed while it is on its way', async () => {
    const talks = useTalks()
    talks.show(talk())
    let arrive: (said: TalkMessage) => void = () => undefined
    const say = vi.spyOn(api, 'say').mockReturnValueOnce(new Promise((resolve) => (arrive = resolve)))
    talks.answerTo(7).text = 'on our way'
    const sent = talks.say(7)
    talks.answerTo(7).text = 'by ten'
    arrive(message(2, 'on our way', { speaker: 'agent' }))
    await sent
    expect(talks.answerTo(7).text).toBe('by ten')
    say.mockRejectedValueOnce(new NoAnswer('lost'))
    const lost = talks.say(7)
    talks.answerTo(7).text = 'tonight'
    await lost
    expect(talks.answerTo(7).text).toBe('by ten\ntonight')
  })

  it('said twice on purpose is two messages', async () => {
    const talks = useTalks()
    talks.show(talk())
    const say = vi.spyOn(api, 'say').mockResolvedValueOnce(message(2, 'yes', { speaker: 'agent' })).mockResolvedValueOnce(message(3, 'yes', { speaker: 'agent' }))
    for (let n = 0; n < 2; n += 1) {
      talks.answerTo(7).text = 'yes'
      await talks.say(7)
    }
    const keys = say.mock.calls.map(([, , key]) => key)
    expect(new Set(keys).size).toBe(2)
  })

  it('that a colleague has forestalled is held back, and shows what was said', async () => {
    const talks = useTalks()
    talks.show(talk())
    const say = vi.spyOn(api, 'say').mockRejectedValueOnce(refusal(409, 'about:conversation-moved-on'))
    const colleague = message(2, 'done', { speaker: 'agent', agent: '2001', agent_name: 'Zhou' })
    vi.spyOn(api, 'messages').mockResolvedValue({ items: [colleague], more: false })
    talks.answerTo(7).text = 'on our way'
    await talks.say(7)
    expect(talks.answerTo(7)).toMatchObject({ text: 'on our way', movedOn: 'Zhou', failure: null })
    say.mockResolvedValueOnce(message(3, 'on our way', { speaker: 'agent' }))
    await talks.say(7)
    expect(say.mock.calls.map(([, body]) => body.after_seq)).toEqual([1, 2])
  })

  it('is kept apart for each conversation', () => {
    const talks = useTalks()
    talks.answerTo(7).text = 'for seven'
    expect(talks.answerTo(8).text).toBe('')
  })
})

describe('the opened conversation', () => {
  it('gets what is new behind what it has, once', async () => {
    const talks = useTalks()
    talks.show(talk())
    vi.spyOn(api, 'messages').mockResolvedValue({ items: [message(2, 'still broken')], more: false })
    talks.takeNews('message.received', { conversation_id: 7, seq: 2 })
    talks.takeNews('message.received', { conversation_id: 7, seq: 2 })
    await vi.waitFor(() => expect(talks.opened?.messages.map(({ seq }) => seq)).toEqual([1, 2]), { timeout: 10_000 })
  })

  it('is taken off the screen when it is another’s by now', async () => {
    const talks = useTalks()
    const show = vi.spyOn(api, 'show').mockResolvedValueOnce(talk())
    await talks.open(7)
    show.mockRejectedValueOnce(refusal(403, 'about:forbidden'))
    await talks.open(7)
    expect(talks.opened).toBeNull()
    expect(talks.openPhase).toBe('failed')
  })

  it('stays on the screen when the network is away', async () => {
    const talks = useTalks()
    const show = vi.spyOn(api, 'show').mockResolvedValueOnce(talk())
    await talks.open(7)
    show.mockRejectedValueOnce(new NoAnswer('offline'))
    await talks.open(7)
    expect(talks.opened?.id).toBe(7)
  })

  it('keeps earlier messages above those that are read anew', async () => {
    const talks = useTalks()
    talks.show(talk({ messages: [message(51, 'b')] }))
    expect(talks.hasOlder).toBe(true)
    vi.spyOn(api, 'messages').mockResolvedValue({ items: [message(1, 'a')], more: false })
    await talks.loadOlder()
    talks.show(talk({ messages: [message(51, 'b'), message(52, 'c')] }))
    expect(talks.opened?.messages.map(({ seq }) => seq)).toEqual([1, 51, 52])
    expect(talks.hasOlder).toBe(false)
  })

  it('shows how far an answer has come', () => {
    const talks = useTalks()
    talks.show(talk({ messages: [message(1, 'x', { speaker: 'agent', delivery: 'queued' })] }))
    talks.takeNews('message.delivery_changed', { conversation_id: 7, seq: 1, delivery: 'sent' })
    expect(talks.opened?.messages[0]?.delivery).toBe('sent')
  })

  it('names a colleague who looks at it once, as he does it now', () => {
    const talks = useTalks()
    talks.show(talk())
    talks.lookedAt({ conversation_id: 7, number: '2001', name: 'Zhou', how: 'screen' })
    talks.lookedAt({ conversation_id: 7, number: '2001', name: 'Zhou', how: 'typing' })
    talks.lookedAt({ conversation_id: 8, number: '2002', name: 'Chen', how: 'screen' })
    expect(talks.opened?.others).toEqual([{ number: '2001', name: 'Zhou', how: 'typing' }])
  })
})

describe('a form that a conversation fills', () => {
  const said = talk({
    citizen: { id: 1, name: 'Wang' },
    messages: [message(1, '1'), message(2, 'The lamp is broken.'), message(3, 'Hello', { speaker: 'guide' }), message(4, '', { address: 'Riverside 18' }), message(5, 'For three days.')],
  })
  const desk = () => ({ draft: emptyDraft() }) as DraftDesk

  it('has the citizen’s own words and place, not what steers the guide', () => {
    expect(citizensWords(said)).toBe('The lamp is broken.\nFor three days.')
    const form = desk()
    expect(fillFrom(form, said)).toBe(true)
    expect(form.draft).toMatchObject({ title: 'The lamp is broken.', address: 'Riverside 18', citizen_name: 'Wang', handling: 'dispatch' })
  })

  it('is left alone when somebody has written in it', () => {
    const form = desk()
    form.draft.text = 'typed'
    expect(fillFrom(form, said)).toBe(false)
    expect(form.draft.text).toBe('typed')
  })
})

describe('the line under a citizen’s name', () => {
  const t = (key: string, params?: Record<string, unknown>) => (params === undefined ? key : `${String(params.name)}: ${String(params.words)}`)

  it.each([
    [{ preview: 'hello', preview_speaker: 'citizen' as const }, 'hello'],
    [{ preview: '', preview_speaker: 'citizen' as const }, 'talk.only_files'],
    [{ preview: 'hello', preview_speaker: 'agent' as const, agent_name: 'Li' }, 'talk.me: hello'],
    [{ preview: 'hello', preview_speaker: 'agent' as const, agent: '1002', agent_name: 'Wang' }, 'Wang: hello'],
  ])('says who spoke: %o', (more, line) => {
    expect(preview(talk(more), t, '1001')).toBe(line)
  })
})
