import { beforeEach, describe, expect, it } from 'vitest'

import type { Draft } from '../miniprogram/report/draft'
import { Screen } from './simulator'
import { eventually, FORM, Hotline, ok, refused, startWeChat } from './wechat'

const TEXT = '解放路 30 号门前三盏路灯连续三天不亮。'

let hotline: Hotline
let wechat: ReturnType<typeof startWeChat>

beforeEach(() => {
  hotline = new Hotline()
  wechat = startWeChat(hotline)
  hotline.on('POST reports', () => ok({ number: '20260302-000123' }, 201))
  let files = 0
  hotline.on('POST attachments', () => ok({ id: (files += 1), name: '1.jpg', size: 9, type: 'image/jpeg' }, 201))
})

const kept = () => wechat.storage.get('draft') as Draft | undefined
const sent = () => hotline.to('POST reports').map(({ body }) => body as Record<string, unknown>)

/** A report that is written up to the point where it is looked over. */
async function written(): Promise<Screen> {
  const page = Screen.open('pages/report/report')
  await page.press('求助')
  await page.write('请说说是什么事', TEXT)
  await page.press('下一步')
  await page.write('地址或位置说明', '解放路 30 号')
  await page.press('下一步')
  await page.press('跳过')
  await page.press('下一步')
  await page.shows('请核对，然后提交')
  return page
}

describe('a report', () => {
  it('is asked one question a screen and ends in a ticket number', async () => {
    const page = await written()
    for (const words of ['求助', TEXT, '解放路 30 号', '未填']) expect(page.text).toContain(words)
    await page.press('提交')
    await page.shows('20260302-000123')
    expect(sent()).toEqual([
      { type: 'help', text: TEXT, title: '', address: '解放路 30 号', name: '', anonymous: false, confidential: false, attachments: [] },
    ])
    expect(hotline.to('POST reports')[0]).toMatchObject({ token: 'token-1', key: expect.stringMatching(/^[0-9a-f]{32}$/) as string })
    // WeChat asks for messages before anything is sent.
    expect(wechat.subscribed).toEqual(['progress', 'answer'])
    expect(kept()).toBeUndefined()
  })

  it('does not go on before the question is answered', async () => {
    const page = Screen.open('pages/report/report')
    await page.press('求助')
    await page.write('请说说是什么事', '不亮')
    await page.press('下一步')
    await page.shows('请再多写几个字')
    expect(page.data.ask).toBe('请说说是什么事')
    await page.press('上一步')
    await page.shows('您要反映哪一类问题？')
  })

  it('is there again after the mini program was closed in the middle of a word', async () => {
    const page = Screen.open('pages/report/report')
    await page.press('投诉')
    await page.write('请说说是什么事', '工地夜间施')
    page.close()
    const again = Screen.open('pages/report/report')
    await again.shows('请说说是什么事')
    expect((again.data.draft as Draft).text).toBe('工地夜间施')
  })

  it('goes with the place, which WeChat gives in its own degrees, and with the address that was typed', async () => {
    const page = Screen.open('pages/report/report')
    await page.press('求助')
    await page.write('请说说是什么事', TEXT)
    await page.press('下一步')
    await page.press('在地图上选位置')
    await page.shows('已在地图上标明位置')
    expect(kept()?.place).toEqual({ address: '江滨路 8 号', latitude: 31.5, longitude: 121.4 })
    await page.press('去掉位置')
    expect(kept()?.place).toEqual({ address: '江滨路 8 号', latitude: null, longitude: null })
  })

  it.each([
    ['chooseLocation:fail auth deny', '没有取得位置权限'],
    ['chooseLocation:fail cancel', ''],
  ])('asks for the address when WeChat says %s', async (why, words) => {
    wechat.location = new Error(why)
    const page = Screen.open('pages/report/report')
    await page.press('求助')
    await page.write('请说说是什么事', TEXT)
    await page.press('下一步')
    await page.press('在地图上选位置')
    expect(page.data.note).toContain(words)
    expect(page.data.note === '').toBe(words === '')
  })

  it('of wrongdoing is secret without being asked, and an anonymous one has no name', async () => {
    const page = Screen.open('pages/report/report')
    await page.press('举报')
    await page.write('请说说是什么事', TEXT)
    await page.press('下一步')
    await page.press('跳过')
    await page.press('跳过')
    await page.shows('举报依法严格保密')
    await page.write('称呼', '孙丽')
    await page.press('匿名')
    await page.press('下一步')
    await page.shows('匿名 · 保密')
    await page.press('提交')
    await page.shows('20260302-000123')
    expect(sent()[0]).toMatchObject({ type: 'report', name: '', anonymous: true, confidential: true })
  })

  it('shows the number that WeChat vouches for, and goes on without one', async () => {
    hotline.on('PUT phone', () => ok({ phone: '138****2340' }))
    const page = await written()
    await page.press('上一步')
    await page.tell('.plain', 'getphonenumber', { errMsg: 'getPhoneNumber:fail user deny' })
    await page.shows('没有取得手机号')
    await page.tell('.plain', 'getphonenumber', { code: 'phone-code' })
    await page.shows('138****2340')
    expect(hotline.to('PUT phone')[0]?.body).toEqual({ code: 'phone-code' })
  })

  it('is cleared only when the citizen is sure', async () => {
    wechat.sure = false
    const page = await written()
    await page.press('清空重写')
    expect(kept()?.text).toBe(TEXT)
    wechat.sure = true
    await page.press('清空重写')
    await page.shows('您要反映哪一类问题？')
    expect(kept()).toBeUndefined()
  })
})

describe('pictures', () => {
  async function withPictures(...media: { tempFilePath: string; size: number; fileType: string }[]): Promise<Screen> {
    wechat.media = media
    const page = Screen.open('pages/report/report')
    await page.press('求助')
    await page.write('请说说是什么事', TEXT)
    await page.press('下一步')
    await page.press('跳过')
    await page.press('拍照或选照片、视频')
    return page
  }
  const photo = { tempFilePath: 'wxfile://tmp/1.jpg', size: 90_000, fileType: 'image' }
  const video = { tempFilePath: 'wxfile://tmp/2.mp4', size: 3_000_000, fileType: 'video' }

  it('are kept where they outlive the program, uploaded with the report, and gone afterwards', async () => {
    const page = await withPictures(photo, video)
    await page.shows('视频')
    expect(wechat.files.size).toBe(2)
    await page.press('下一步')
    await page.press('下一步')
    await page.press('提交')
    await page.shows('20260302-000123')
    expect(sent()[0]).toMatchObject({ attachments: [1, 2] })
    expect(wechat.files.size).toBe(0)
  })

  it('are taken away again by one tap', async () => {
    const page = await withPictures(photo, video)
    await page.press('删除')
    expect(kept()?.pictures.map((one) => one.video)).toEqual([true])
    expect(wechat.files.size).toBe(1)
  })

  it('that are too large are named before anything is sent', async () => {
    const page = await withPictures({ ...video, size: 21 * 1024 * 1024 })
    await page.shows('有文件太大了')
    await page.press('下一步')
    expect(page.data.ask).toBe('有照片或视频吗？')
  })

  it('that cannot be kept are used from where they lie', async () => {
    await withPictures({ ...photo, tempFilePath: 'wxfile://tmp/lost.jpg' })
    await eventually(() => kept()?.pictures.length === 1)
    expect(kept()?.pictures[0]?.path).toBe('wxfile://tmp/lost.jpg')
  })

  it('that have arrived are not sent again after the network was lost in between', async () => {
    const page = await withPictures(photo, video)
    await page.press('下一步')
    await page.press('下一步')
    hotline.on('POST attachments', ({ body }) => {
      if (String(body).endsWith('.mp4')) hotline.away = true
      return hotline.away ? refused(503) : ok({ id: 7, name: '1.jpg', size: 9, type: 'image/jpeg' }, 201)
    })
    await page.press('提交')
    await page.shows('还没有收到确认')
    hotline.away = false
    hotline.on('POST attachments', () => ok({ id: 8, name: '2.mp4', size: 9, type: 'video/mp4' }, 201))
    await page.press('现在重试')
    await page.shows('20260302-000123')
    expect(sent()[0]).toMatchObject({ attachments: [7, 8] })
    expect(hotline.times('POST attachments')).toBe(3)
  })
})

describe('a lost network', () => {
  it('keeps the report, which is sent by itself when it is back', async () => {
    const page = await written()
    hotline.away = true
    await page.press('提交')
    await page.shows('还没有收到确认')
    expect(kept()?.state).toBe('waiting')
    hotline.away = false
    await page.press('现在重试')
    await page.shows('20260302-000123')
    expect(sent()).toHaveLength(1)
  })

  it('does not make two of a report whose answer was lost', async () => {
    const keys = new Map<string, string>()
    hotline.on('POST reports', ({ key }) => {
      const number = keys.get(key ?? '') ?? `20260302-00000${keys.size + 1}`
      keys.set(key ?? '', number)
      return ok({ number }, 201)
    })
    const page = await written()
    await eventually(() => hotline.times('POST sessions') === 1)
    hotline.deaf = 1
    await page.press('提交')
    await page.shows('还没有收到确认')
    page.close()
    const again = Screen.open('pages/report/report')
    await again.shows('20260302-000001')
    expect([keys.size, hotline.times('POST reports')]).toEqual([1, 2])
  })

  it('lets a report be written with what the form was the last time', async () => {
    Screen.open('pages/home/home')
    await eventually(() => wechat.storage.has('form'))
    hotline.away = true
    const page = Screen.open('pages/report/report')
    await page.shows('您要反映哪一类问题？')
  })

  it('on the very first day says so, and tries again', async () => {
    hotline.away = true
    const page = Screen.open('pages/report/report')
    await page.shows('没有连上服务器')
    hotline.away = false
    await page.press('重试')
    await page.shows('您要反映哪一类问题？')
  })
})

describe('a refusal', () => {
  it('is shown at the question that it is about, and what is mended is another report', async () => {
    hotline.on('POST reports', () => refused(422, { fields: [{ pointer: '/address', message_zh: '地址里不要写电话', message_en: 'No numbers' }] }))
    const page = await written()
    await page.press('提交')
    await page.shows('地址里不要写电话')
    expect(page.data.ask).toBe('事情发生在哪里？')
    const [first] = hotline.to('POST reports')
    expect(kept()?.key).not.toBe(first?.key)
    expect(kept()?.state).toBe('writing')
  })

  it('of too many reports names the time to wait, and the report waits', async () => {
    hotline.on('POST reports', () => refused(429, {}, 30))
    const page = await written()
    await page.press('提交')
    await page.shows('请 30 秒后再试')
    expect(kept()?.state).toBe('waiting')
  })

  it('of a file that is not there any more sends the files again', async () => {
    let attempts = 0
    hotline.on('POST reports', () => {
      attempts += 1
      return attempts === 1 ? refused(422, { fields: [{ pointer: '/attachments/0', message_zh: '附件已失效', message_en: 'Gone' }] }) : ok({ number: '20260302-000009' }, 201)
    })
    wechat.media = [{ tempFilePath: 'wxfile://tmp/1.jpg', size: 9, fileType: 'image' }]
    const page = await written()
    await page.press('上一步')
    await page.press('上一步')
    await page.press('拍照或选照片、视频')
    await page.press('下一步')
    await page.press('下一步')
    await page.press('提交')
    await page.shows('附件已失效')
    await page.press('下一步')
    await page.press('下一步')
    await page.press('提交')
    await page.shows('20260302-000009')
    expect(sent().map(({ attachments }) => attachments)).toEqual([[1], [2]])
  })
})

it('offers the kinds of matter that the city takes, also one that is new here', async () => {
  hotline.on('GET form', () => ok({ ...FORM, types: [{ code: 'consult', name_zh: '政策建言', name_en: 'Policy' }] }))
  await Screen.open('pages/report/report').shows('政策建言')
})
