import { beforeEach, expect, it } from 'vitest'

import { newDraft } from '../miniprogram/report/draft'
import { Screen } from './simulator'
import { Hotline, startWeChat } from './wechat'

let hotline: Hotline
let wechat: ReturnType<typeof startWeChat>

beforeEach(() => {
  hotline = new Hotline()
  wechat = startWeChat(hotline)
})

it('shows what can be done, with the city by its name', async () => {
  const home = Screen.open('pages/home/home')
  await home.shows('临江市 12345')
  for (const words of ['反映问题', '我的诉求', '在线客服', '拨打 12345']) expect(home.text).toContain(words)
})

it('works before the server has answered, and when it never does', async () => {
  hotline.away = true
  const home = Screen.open('pages/home/home')
  await home.shows('反映问题')
  await home.press('反映问题')
  expect(wechat.visited).toEqual(['/pages/report/report'])
})

it('reminds of what was left unfinished, and of nothing when nothing was written', () => {
  wechat.storage.set('draft', newDraft('k'))
  expect(Screen.open('pages/home/home').text).not.toContain('没写完')
  wechat.storage.set('draft', { ...newDraft('k'), text: '路灯不亮' })
  expect(Screen.open('pages/home/home').text).toContain('您有一份没写完的内容')
  wechat.storage.set('draft', { ...newDraft('k'), text: '路灯不亮', state: 'waiting' })
  expect(Screen.open('pages/home/home').text).toContain('正等待网络')
})

it('keeps large type for the next time', async () => {
  const home = Screen.open('pages/home/home')
  await home.press('大字版')
  expect(home.dom.querySelector('.elder, [class*=elder]')).not.toBeNull()
  expect(Screen.open('pages/tickets/tickets').data.elder).toBe(true)
})

it('speaks English where WeChat does', () => {
  startWeChat(hotline, 'en')
  expect(Screen.open('pages/home/home').text).toContain('Report a matter')
})
