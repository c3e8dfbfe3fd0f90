import { beforeEach, describe, expect, it, vi } from 'vitest'

import { Hotline, ok, refused, startWeChat } from './wechat'

let hotline: Hotline
let wechat: ReturnType<typeof startWeChat>
let api: typeof import('../miniprogram/api/hotline').hotline
let session: typeof import('../miniprogram/api/session')
let problems: typeof import('../miniprogram/api/problems')

beforeEach(async () => {
  hotline = new Hotline()
  wechat = startWeChat(hotline)
  hotline.on('GET tickets', () => ok({ items: [], next_cursor: null }))
  vi.resetModules()
  session = await import('../miniprogram/api/session')
  problems = await import('../miniprogram/api/problems')
  api = (await import('../miniprogram/api/hotline')).hotline
})

const logins = () => hotline.times('POST sessions')

describe('a login', () => {
  it('is made with the code of WeChat when it is first needed, and kept', async () => {
    await api.matters(null)
    await api.matters(null)
    expect(hotline.to('POST sessions').map(({ body }) => body)).toEqual([{ code: 'code-1' }])
    expect(hotline.to('GET tickets').map(({ token }) => token)).toEqual(['token-1', 'token-1'])
  })

  it('is made once for whoever asks at the same moment', async () => {
    await Promise.all([api.matters(null), api.matters(null), session.session()])
    expect(logins()).toBe(1)
  })

  it('is made anew when it ends within the minute', async () => {
    wechat.storage.set('session', { token: 'old', expires_at: new Date(Date.now() + 30_000).toISOString(), phone: null })
    await api.matters(null)
    expect(hotline.to('GET tickets')[0]?.token).toBe('token-1')
  })

  it('that the server does not know any more is made anew, once, and the deed is done', async () => {
    hotline.on('GET tickets', ({ token }) => (token === 'token-1' ? refused(401) : ok({ items: [], next_cursor: null })))
    expect((await api.matters(null)).items).toEqual([])
    expect(logins()).toBe(2)
  })

  it('that is refused again and again is not tried for ever', async () => {
    hotline.on('GET tickets', () => refused(401))
    await expect(api.matters(null)).rejects.toBeInstanceOf(problems.Refused)
    expect([logins(), hotline.times('GET tickets')]).toEqual([2, 2])
  })

  it('that WeChat holds back for its risk is a refusal that says so', async () => {
    hotline.on('POST sessions', () => refused(403, { detail_zh: '微信限制了该帐号登录' }))
    await expect(api.matters(null)).rejects.toMatchObject({ status: 403, details: { detail_zh: '微信限制了该帐号登录' } })
  })

  it('is forgotten on this telephone and at the server', async () => {
    await api.matters(null)
    hotline.on('DELETE sessions/current', () => ok('', 204))
    await session.logOut()
    expect([hotline.to('DELETE sessions/current')[0]?.token, wechat.storage.has('session')]).toEqual(['token-1', false])
  })

  it('keeps the number that WeChat has vouched for', async () => {
    hotline.on('PUT phone', () => ok({ phone: '138****2340' }))
    await api.showPhone('phone-code')
    expect((await session.session()).phone).toBe('138****2340')
  })
})

describe('an answer', () => {
  it('that is a refusal carries its fields and how long to wait', async () => {
    hotline.on('GET tickets', () => refused(429, { fields: [{ pointer: '/x', message_zh: '甲', message_en: 'a' }] }, 12.5))
    await expect(api.matters(null)).rejects.toMatchObject({ status: 429, retryAfter: 12.5, later: true, fields: [{ pointer: '/x' }] })
  })

  it('that is the page of a proxy is a refusal without details', async () => {
    hotline.on('GET tickets', () => ({ status: 502, data: '<html>Bad Gateway</html>' }))
    await expect(api.matters(null)).rejects.toMatchObject({ status: 502, retryAfter: 0, later: true, fields: [] })
  })

  it('that never comes says that the server is away', async () => {
    hotline.away = true
    await expect(api.form()).rejects.toBeInstanceOf(problems.Away)
  })

  it('to an upload is read although it comes as text, and what is no JSON counts as lost', async () => {
    const percents: number[] = []
    hotline.on('POST attachments', () => ok({ id: 7, name: '1.jpg', size: 9, type: 'image/jpeg' }, 201))
    expect((await api.file('wxfile://1.jpg', (percent) => percents.push(percent))).id).toBe(7)
    expect(percents).toEqual([50])
    hotline.on('POST attachments', () => ok('<html>', 200))
    await expect(api.file('wxfile://1.jpg')).rejects.toBeInstanceOf(problems.Away)
  })

  it('of a number with odd signs is asked for as one', async () => {
    await api.matter('../sessions?x=1').catch(() => undefined)
    expect(hotline.asked.at(-1)?.path).toBe('tickets/..%2Fsessions%3Fx%3D1')
  })
})
