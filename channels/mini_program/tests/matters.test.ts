import { beforeEach, describe, expect, it } from 'vitest'

import type { Matter, WholeMatter } from '../miniprogram/api/types'
import { SETTINGS } from '../miniprogram/settings'
import { Screen } from './simulator'
import { eventually, Hotline, ok, refused, startWeChat } from './wechat'

const NUMBER = '20260302-000123'
const MATTER: Matter = {
  number: NUMBER, title: '路灯不亮', type: 'help', state: 'in_hand', state_zh: '办理中', state_en: 'In hand',
  registered_at: '2026-03-02T01:30:00Z', changed_at: '2026-03-02T16:05:00Z', can_rate: false,
}
const WHOLE: WholeMatter = {
  ...MATTER, text: '三盏路灯不亮。', address: '解放路 30 号', answer: null, unit_zh: '路灯管理所', unit_en: 'Street Lights', due_at: '2026-03-09T09:30:00Z', rating: null, files: [],
  steps: [
    { at: '2026-03-02T01:30:00Z', state: 'registered', text_zh: '已登记', text_en: 'Registered' },
    { at: '2026-03-02T02:00:00Z', state: 'in_hand', text_zh: '已交路灯管理所办理', text_en: 'Given to Street Lights' },
  ],
}
const ANSWERED: WholeMatter = { ...WHOLE, state: 'answered', state_zh: '已办结', answer: '已修复。', can_rate: true }

let hotline: Hotline
let wechat: ReturnType<typeof startWeChat>

beforeEach(() => {
  hotline = new Hotline()
  wechat = startWeChat(hotline)
})

const open = (query: Record<string, string> = { number: NUMBER }) => Screen.open('pages/ticket/ticket', query)
const ratings = () => hotline.to(`POST tickets/${NUMBER}/rating`)

describe('my matters', () => {
  it('are listed with how far they are, in the city’s time', async () => {
    hotline.on('GET tickets', () => ok({ items: [{ ...MATTER, can_rate: true }], next_cursor: null }))
    const page = Screen.open('pages/tickets/tickets')
    await page.shows('路灯不亮')
    expect(page.text).toMatch(/办理中.*更新于 (2026-)?3-03 00:05.*待评价/)
    await page.press('路灯不亮')
    expect(wechat.visited).toEqual([`/pages/ticket/ticket?number=${NUMBER}`])
  })

  it('come in parts, each once', async () => {
    hotline.on('GET tickets', ({ path }) =>
      path.includes('cursor=MQ%3D%3D')
        ? ok({ items: [MATTER, { ...MATTER, number: '20260301-000007', title: '井盖松动' }], next_cursor: null })
        : ok({ items: [MATTER], next_cursor: 'MQ==' }),
    )
    const page = Screen.open('pages/tickets/tickets')
    await page.press('再看更多')
    await page.shows('井盖松动')
    expect((page.data.rows as unknown[]).length).toBe(2)
    expect(page.text).not.toContain('再看更多')
  })

  it('that are none lead to the first one', async () => {
    hotline.on('GET tickets', () => ok({ items: [], next_cursor: null }))
    const page = Screen.open('pages/tickets/tickets')
    await page.shows('您还没有反映过问题')
    await page.press('反映问题')
    expect(wechat.visited).toEqual(['/pages/report/report'])
  })

  it('stay on the screen when the network is lost, and a list that never came says so', async () => {
    hotline.on('GET tickets', () => ok({ items: [MATTER], next_cursor: null }))
    const page = Screen.open('pages/tickets/tickets')
    await page.shows('路灯不亮')
    hotline.away = true
    await (page.do('onPullDownRefresh') as Promise<void>)
    expect(page.text).toContain('路灯不亮')
    expect(wechat.toasts).toEqual(['没有连上服务器。请检查网络后重试。'])
    await Screen.open('pages/tickets/tickets').shows('没有连上服务器')
  })
})

describe('a matter', () => {
  it('tells who has it, by when, and what has happened, the newest first', async () => {
    hotline.on(`GET tickets/${NUMBER}`, () => ok(WHOLE))
    const page = open()
    await page.shows('路灯管理所')
    expect(page.text).toContain('预计办结')
    expect(page.text.indexOf('已交路灯管理所办理')).toBeLessThan(page.text.indexOf('已登记'))
    expect(page.text).not.toContain('请您评价')
  })

  it.each([
    ['方案.pdf', 'application/pdf', 'document wxfile://tmp/1 pdf'],
    ['修复后.jpg', 'image/jpeg', 'image wxfile://tmp/1'],
    ['现场.mp4', 'video/mp4', 'media video wxfile://tmp/1'],
  ])('with %s shows it as WeChat shows such files', async (name, type, shown) => {
    const path = '/api/v1/citizen/files/f.7.9.abc'
    hotline.on(`GET tickets/${NUMBER}`, () => ok({ ...ANSWERED, files: [{ name, type, size: 900, path }] }))
    hotline.files.set(`${SETTINGS.server}${path}`, 200)
    const screen = open()
    await screen.shows(name)
    await screen.press(name)
    await eventually(() => wechat.shown.length === 1)
    expect(wechat.shown).toEqual([shown])
  })

  it('with a file that is not given any more says what to do', async () => {
    const path = '/api/v1/citizen/files/f.7.9.old'
    hotline.on(`GET tickets/${NUMBER}`, () => ok({ ...ANSWERED, files: [{ name: 'a.pdf', type: 'application/pdf', size: 900, path }] }))
    hotline.files.set(`${SETTINGS.server}${path}`, 403)
    const screen = open()
    await screen.shows('a.pdf')
    await screen.press('a.pdf')
    await eventually(() => wechat.toasts.length === 1)
    expect(wechat.shown).toEqual([])
  })

  it('that is answered shows the answer and no limit any more', async () => {
    hotline.on(`GET tickets/${NUMBER}`, () => ok(ANSWERED))
    const page = open()
    await page.shows('已修复。')
    expect(page.text).not.toContain('预计办结')
  })

  it('of somebody else is not there', async () => {
    const page = open()
    await page.shows('没有这件诉求')
  })

  it('is opened at its rating by a message that asks for it', async () => {
    hotline.on(`GET tickets/${NUMBER}`, () => ok(ANSWERED))
    open({ number: NUMBER, rate: '1' })
    await eventually(() => wechat.scrolled.length === 1)
    expect(wechat.scrolled).toEqual([{ selector: '#rating', duration: 0 }])
  })
})

describe('a rating', () => {
  beforeEach(() => {
    let given: number | null = null
    hotline.on(`GET tickets/${NUMBER}`, () => ok({ ...ANSWERED, rating: given, can_rate: given === null }))
    hotline.on(`POST tickets/${NUMBER}/rating`, ({ body }) => {
      given ??= (body as { satisfied: number }).satisfied
      return ok({ rating: given }, 201)
    })
  })

  it('holds the three answers, and is shown as it was given', async () => {
    const page = open()
    await page.press('联系过')
    await page.press('部分解决')
    await page.press('基本满意')
    await page.press('提交评价')
    await page.shows('谢谢您的评价')
    expect(ratings()[0]?.body).toEqual({ contacted: 1, solved: 2, satisfied: 3 })
    await eventually(() => !page.text.includes('提交评价'))
    expect(page.text).toContain('基本满意')
  })

  it('needs how satisfied one is, and nothing else', async () => {
    const page = open()
    await page.press('联系过')
    await page.press('联系过')
    await page.press('提交评价')
    await page.shows('请选择满意程度')
    expect(ratings()).toEqual([])
    await page.press('非常满意')
    await page.press('提交评价')
    await page.shows('谢谢您的评价')
    expect(ratings()[0]?.body).toEqual({ satisfied: 1 })
  })

  it('that is bad may say why', async () => {
    const page = open()
    await page.press('非常不满意')
    await page.write('哪里不满意？', '没有人来修')
    await page.press('提交评价')
    await page.shows('谢谢您的评价')
    expect(ratings()[0]?.body).toEqual({ satisfied: 5, reason: '没有人来修' })
  })

  it('whose answer was lost is sent again as the same one', async () => {
    const page = open()
    await page.press('非常满意')
    hotline.deaf = 1
    await page.press('提交评价')
    await page.shows('没有连上服务器')
    await page.press('提交评价')
    await page.shows('谢谢您的评价')
    const [first, second] = ratings()
    expect(first?.key).toMatch(/^[0-9a-f]{32}$/)
    expect(second?.key).toBe(first?.key)
  })

  it('that comes too late shows how the matter stands', async () => {
    const page = open()
    await page.press('非常满意')
    hotline.on(`POST tickets/${NUMBER}/rating`, () => refused(409, { detail_zh: '这件诉求已经评价过' }))
    hotline.on(`GET tickets/${NUMBER}`, () => ok({ ...ANSWERED, can_rate: false, rating: 4 }))
    await page.press('提交评价')
    await page.shows('您的评价')
    expect(page.text).toContain('不满意')
  })
})
