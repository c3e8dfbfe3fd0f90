import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import type { Session } from '@/api/types'
import { useNews } from '@/casework/news'
import { useBell } from '@/stores/bell'
import { useSession } from '@/stores/session'
import { supervision } from '@/supervision/api'
import { actBody, ACTS, actTroubles, bodyOf, emptyDraft, fieldAt, LIMITS, linesOf, troublesOf } from '@/supervision/form'
import { pressing, usePapers } from '@/supervision/store'
import type { Paper, PaperSummary } from '@/supervision/types'

const NOW = Date.parse('2026-03-02T09:30:00+08:00')
const FILLED = { ...emptyDraft('order', 1, ['CGJ']), grounds: '该工单多次催办仍未办结' }
const VALUES = { text: '', attended: '', decisions: '', days: '' }

const summary = (id: number) => ({ id, state: 'issued' }) as PaperSummary
const paper = (id: number) => ({ id, state: 'issued', actions: [] }) as unknown as Paper

beforeEach(() => {
  setActivePinia(createPinia())
  sessionStorage.clear()
  vi.restoreAllMocks()
})

describe('the form of a new paper', () => {
  it('is complete with a recipient and a reason', () => {
    expect(troublesOf(FILLED, NOW)).toEqual([])
    expect(bodyOf({ ...FILLED, demands: '立即整改\n\n 每日巡查 ', days: '3' }, 7)).toEqual({
      rung: 'order', ticket_id: 7, n: 1, main: ['CGJ'], copies: [], grounds: '该工单多次催办仍未办结',
      demands: ['立即整改', '每日巡查'], reply_days: 3, meeting: null, listing: null,
    })
  })

  it.each([
    [{ main: [] }, 'main', 'needed'],
    [{ copies: ['CGJ'] }, 'copies', 'twice'],
    [{ grounds: ' 短 ' }, 'grounds', 'needed'],
    [{ grounds: '长'.repeat(LIMITS.grounds + 1) }, 'grounds', 'long'],
    [{ demands: '长'.repeat(LIMITS.line + 1) }, 'demands', 'long'],
    [{ demands: Array.from({ length: LIMITS.lines + 1 }, () => '项').join('\n') }, 'demands', 'long'],
    [{ days: '0' }, 'days', 'days'],
    [{ days: '61' }, 'days', 'days'],
    [{ days: '三' }, 'days', 'days'],
  ])('names %j', (change, field, key) => {
    expect(troublesOf({ ...FILLED, ...change }, NOW)).toMatchObject([{ field, key }])
  })

  it('asks of a meeting when, where and with whom, and no limit', () => {
    const meeting = { ...FILLED, rung: 'meeting' as const, days: 'x' }
    expect(troublesOf(meeting, NOW).map(({ field }) => field)).toEqual(['at', 'place', 'participants'])
    const held = { ...meeting, at: '2026-03-01T09:30', place: '三楼会议室', participants: '分管负责人\n经办人' }
    expect(troublesOf(held, NOW)).toEqual([{ field: 'at', key: 'past' }])
    const body = bodyOf({ ...held, at: '2026-03-05T09:30' }, 7)
    expect(body.meeting).toEqual({ at: new Date('2026-03-05T09:30').toISOString(), place: '三楼会议室', participants: ['分管负责人', '经办人'] })
    expect([body.reply_days, body.listing]).toEqual([null, null])
  })

  it('asks of listed supervision who answers for it and what is done', () => {
    const listed = { ...FILLED, rung: 'listed' as const }
    expect(troublesOf(listed, NOW).map(({ field }) => field)).toEqual(['leader', 'measures'])
    expect(bodyOf({ ...listed, leader: ' 局长 ', measures: '停工' }, 7).listing).toEqual({ leader: '局长', measures: ['停工'] })
  })

  it('finds the field that the server complains of', () => {
    const at = (pointer: string) => fieldAt({ pointer })
    expect([at('/main/0'), at('/meeting/at'), at('/listing/measures/2'), at('/reply_days'), at('/ticket_id')]).toEqual(['main', 'at', 'measures', 'days', ''])
  })
})

describe('the small forms about a paper', () => {
  it('ask for minutes with decisions, a line each', () => {
    expect(actTroubles(ACTS.minutes, VALUES).map(({ field }) => field)).toEqual(['attended', 'text', 'decisions'])
    const filled = { text: ' 听取汇报 ', attended: '各单位', decisions: '三日内停工\n\n一周内整改', days: '5' }
    expect(actTroubles(ACTS.minutes, filled)).toEqual([])
    expect(actBody(ACTS.minutes, filled, [])).toEqual({ text: '听取汇报', attended: '各单位', decisions: ['三日内停工', '一周内整改'], reply_days: 5 })
  })

  it('send files with a reply only, and nothing with a reading', () => {
    expect(actBody(ACTS.reply, { ...VALUES, text: '已办' }, [4])).toEqual({ text: '已办', attachments: [4] })
    expect(actBody(ACTS.close, { ...VALUES, text: '办结' }, [4])).toEqual({ text: '办结' })
    expect(actBody(ACTS.read, VALUES, [])).toBeUndefined()
  })

  it('need a reason to withdraw', () => {
    expect(actTroubles(ACTS.withdraw, { ...VALUES, text: ' ' })).toEqual([{ field: 'text', key: 'needed' }])
  })

  it('take every line that says something', () => {
    expect(linesOf(' 甲 \n\n乙\n')).toEqual(['甲', '乙'])
  })
})

describe('the list of papers', () => {
  it('begins with what cannot wait', () => {
    expect(pressing({ to_answer: 1, overdue: 2 })).toBe('to_answer')
    expect(pressing({ to_answer: 0, overdue: 0, replied: 3, open: 5 })).toBe('replied')
    expect(pressing({})).toBe('open')
  })

  it.each([
    [['supervision.read', 'supervision.answer'], ['to_answer', 'open', 'overdue', 'replied', 'ended']],
    [['supervision.read', 'supervision.issue'], ['open', 'overdue', 'replied', 'ended']],
  ])('has for %j the boxes %j', (permissions, boxes) => {
    useSession().session = { user: { number: '1', name: '某', role: 'x', permissions } } as Session
    expect(usePapers().boxes).toEqual(boxes)
  })

  it('goes from one to the next and to the first when none is open', () => {
    const papers = usePapers()
    papers.items = [summary(5), summary(4), summary(3)]
    expect(papers.neighbour(4, 1)?.id).toBe(3)
    expect(papers.neighbour(5, -1)).toBeNull()
    expect(papers.neighbour(9, 1)?.id).toBe(5)
  })

  it('asks for what was chosen', async () => {
    const asked = vi.spyOn(supervision, 'papers').mockResolvedValue({ items: [summary(1)], next_cursor: null })
    vi.spyOn(supervision, 'summary').mockResolvedValue({ boxes: { to_answer: 0, open: 1, overdue: 0, replied: 0, ended: 0 }, as_of: '' })
    const papers = usePapers()
    papers.choice.rung = 'order'
    await papers.show('overdue')
    expect(asked).toHaveBeenCalledWith('overdue', { rung: 'order', unit: '', q: '' }, null, 50)
    expect(papers.counts.open).toBe(1)
  })
})

describe('the opened paper', () => {
  it('is not replaced by one that was asked for before', async () => {
    let answer: (found: Paper) => void = () => undefined
    vi.spyOn(supervision, 'paper').mockImplementationOnce(() => new Promise((resolve) => (answer = resolve))).mockResolvedValueOnce(paper(2))
    const papers = usePapers()
    const first = papers.open(1)
    await papers.open(2)
    answer(paper(1))
    await first
    expect(papers.paper?.id).toBe(2)
  })

  it('stays on the screen when reading it again fails', async () => {
    vi.spyOn(supervision, 'paper').mockRejectedValue(new Error('gone'))
    const papers = usePapers()
    papers.put(paper(1))
    papers.changed(1)
    await vi.waitFor(() => expect(supervision.paper).toHaveBeenCalled(), { timeout: 10_000 })
    expect([papers.paper?.id, papers.failure]).toEqual([1, null])
  })
})

describe('addresses', () => {
  it('of documents and of the ledger name what is wanted', () => {
    expect(supervision.documentAddress(7, 'docx')).toBe('/api/v1/supervision/papers/7/document?format=docx')
    expect(supervision.ledgerAddress({ rung: 'listed', unit: '', q: 'a&b' }, 'csv')).toBe('/api/v1/supervision/ledger?format=csv&rung=listed&q=a%26b')
  })
})

describe('news of a paper', () => {
  const news = { type: 'supervision.issued', at: '', seq: 3, data: { paper_id: 9, ticket_id: 4, number: '热线督〔2026〕3号' } }

  it('leads to the paper where there are papers, and else to its ticket', () => {
    const bell = useBell()
    useNews((id) => `/tickets/${id}`).tell(news, true)
    expect(bell.rings[0]).toMatchObject({ kind: 'supervision_issued', to: '/tickets/4', number: '热线督〔2026〕3号' })
    useNews(() => '', (id) => `/papers/${id}`).tell({ ...news, seq: 4 } as never, true)
    expect(bell.rings[0]?.to).toBe('/papers/9')
  })
})

describe('a mended reply', () => {
  const body = (mine: { replied_at: string | null; mended_at: string | null }) => actBody(ACTS.mend, { ...VALUES, text: '补充' }, [], mine)

  it('names the reply that it puts right, the last one if it was mended before', () => {
    expect(body({ replied_at: '2026-03-02T01:00:00Z', mended_at: null })).toEqual({ text: '补充', attachments: [], mends: '2026-03-02T01:00:00Z' })
    expect(body({ replied_at: '2026-03-02T01:00:00Z', mended_at: '2026-03-02T02:00:00Z' })?.mends).toBe('2026-03-02T02:00:00Z')
  })
})
