import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { recall } from '@/device/memory'
import { change, discard, drafts, type Draft } from '@/report/draft'
import { filed, forgetMine, mine } from '@/report/mine'
import { send, sendings, takeBack } from '@/report/sending'
import { json, refused, Server, unplugged } from './server'

const FILED = { number: '20260302-000001', query_code: '7K3M-9QXD', ticket_pass: 't.1.2.x' }
let server: Server

beforeEach(async () => {
  vi.useFakeTimers()
  // Without a worker the page works by itself; happy-dom has none.
  vi.stubGlobal('Worker', undefined)
  localStorage.clear()
  await discard('matter')
  forgetMine()
  server = new Server()
  server.always('/reports', FILED)
  change('matter', { type: 'complaint', text: '路灯三天不亮', anonymous: true })
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

async function settled(work: Promise<void>): Promise<void> {
  let done = false
  void work.then(() => (done = true))
  for (let turn = 0; turn < 200 && !done; turn += 1) await vi.advanceTimersByTimeAsync(1_000)
  expect(done).toBe(true)
}

it('sends once, notes the number and keeps nothing of what was written', async () => {
  await settled(send('matter'))
  expect(server.posted('/reports')).toHaveLength(1)
  expect(filed.value?.number).toBe(FILED.number)
  expect(mine.value.map(({ number }) => number)).toEqual([FILED.number])
  expect(drafts.matter.text).toBe('')
  expect(JSON.stringify({ ...localStorage })).not.toContain('路灯')
})

it('sends again under the same key after a lost answer, a busy server and a proof that has expired', async () => {
  server.once('/reports', unplugged)
  server.once('/reports', () => json({}, 503, { 'Retry-After': '3' }))
  server.once('/reports', () => refused(422, 'proof-refused'))
  await settled(send('matter'))
  const sent = server.posted('/reports')
  expect(sent).toHaveLength(4)
  expect(new Set(sent.map(({ key }) => key)).size).toBe(1)
  expect(filed.value?.number).toBe(FILED.number)
})

it('does not send twice when it is pressed twice', async () => {
  await settled(Promise.all([send('matter'), send('matter')]).then(() => undefined))
  expect(server.posted('/reports')).toHaveLength(1)
})

it('gives a refused draft back with its reason, and sends the mended one', async () => {
  server.once('/reports', () => refused(422, 'invalid', [{ pointer: '/text', message_zh: '请填写内容', message_en: 'Write' }]))
  await settled(send('matter'))
  expect(drafts.matter.state).toBe('editing')
  expect(drafts.matter.text).toBe('路灯三天不亮')
  expect(sendings.matter.problem?.field('/text')).toBe('请填写内容')
  await settled(send('matter'))
  expect(filed.value?.number).toBe(FILED.number)
})

it('can be taken back as long as it has not left the telephone, and not afterwards', async () => {
  server.once('/challenges', unplugged)
  const waiting = send('matter')
  await vi.advanceTimersByTimeAsync(500)
  expect(drafts.matter.maybeThere).toBe(false)
  takeBack('matter')
  await settled(waiting)
  expect(drafts.matter.state).toBe('editing')
  expect(server.posted('/reports')).toHaveLength(0)

  server.once('/reports', unplugged)
  const again = send('matter')
  await vi.advanceTimersByTimeAsync(500)
  takeBack('matter')
  expect(drafts.matter.state).toBe('sending')
  await settled(again)
})

it('leaves nothing of a report of wrongdoing on the telephone', async () => {
  change('matter', { type: 'report' })
  await settled(send('matter'))
  expect(filed.value?.number).toBe(FILED.number)
  expect(mine.value).toEqual([])
  expect(JSON.stringify({ ...localStorage })).not.toContain(FILED.number)
})

it('sends neither name nor number of who wants to stay anonymous', async () => {
  change('matter', { name: '李明', phone: '13800015121', phonePass: 'p.x', anonymous: true })
  await settled(send('matter'))
  expect(server.posted('/reports')[0]?.body).toMatchObject({ name: '', phone: '', phone_pass: '' })
})

it('keeps every letter that is typed at once', () => {
  change('matter', { text: '路灯三天不亮，' })
  expect(recall<Draft>('draft.matter')?.text).toBe('路灯三天不亮，')
})
