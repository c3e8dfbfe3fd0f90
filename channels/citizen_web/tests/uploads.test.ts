import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { NoAnswer } from '@/api/http'
import { page } from '@/api/page'
import { keepFile } from '@/device/blobs'
import type { DraftFile } from '@/report/draft'
import { kindOf, nameOf } from '@/report/pictures'
import { upload } from '@/report/uploads'
import { json, refused, Server, unplugged } from './server'

const SIZE = 10
let server: Server
let received: number

beforeEach(async () => {
  vi.stubGlobal('Worker', undefined)
  page.value.part_bytes = 4
  server = new Server()
  received = 0
  await keepFile('f1', new Blob(['0123456789']))
  for (let piece = 0; piece < 3; piece += 1) server.once('/uploads/u1/parts', part)
  server.once('/uploads/u1?', state)
})

afterEach(() => {
  vi.unstubAllGlobals()
})

const file = (): DraftFile => ({ id: 'f1', name: 'a.jpg', kind: 'photo', size: SIZE, upload: '', received: 0, taken: false, refused: '' })
const state = () => json({ upload: 'u1', size: SIZE, received, taken: received === SIZE })
const part = () => {
  received = Math.min(SIZE, received + 4)
  return state()
}
const begun = () => json({ upload: 'u1', size: SIZE, received: 0, taken: false }, 201)

it('sends a file in pieces, each where the last one ended', async () => {
  server.once('/uploads', begun)
  const one = file()
  await upload(one)
  expect(server.posted('/uploads/u1/parts').map(({ path }) => path.split('=')[1])).toEqual(['0', '4', '8'])
  expect(one.taken).toBe(true)
})

it('goes on where the network has left it', async () => {
  const one = { ...file(), upload: 'u1', received: 0 }
  received = 4
  server.answers.set('/uploads/u1', [state])
  await upload(one)
  expect(server.posted('/uploads/u1/parts').map(({ path }) => path.split('=')[1])).toEqual(['4', '8'])
  expect(server.posted('/challenges')).toEqual([])
})

it('says that nobody has answered, and keeps what is known of the file', async () => {
  server.answers.clear()
  server.once('/uploads', begun)
  server.once('/uploads/u1/parts', unplugged)
  const one = file()
  await expect(upload(one)).rejects.toBeInstanceOf(NoAnswer)
  expect([one.upload, one.refused]).toEqual(['u1', ''])
})

it('begins anew when the server has forgotten the upload', async () => {
  server.answers.clear()
  server.once('/uploads/u1', () => refused(404, 'upload-gone'))
  const one = { ...file(), upload: 'u1', received: 4 }
  await expect(upload(one)).rejects.toBeInstanceOf(NoAnswer)
  expect([one.upload, one.received, one.refused]).toEqual(['', 0, ''])
})

it('says in the server’s words why a file is not taken, and does not send it again', async () => {
  server.answers.clear()
  server.once('/uploads', begun)
  server.once('/uploads/u1/parts', () => refused(422, 'invalid', [{ pointer: '/file', message_zh: '不支持此类文件', message_en: 'Not taken' }]))
  const one = file()
  await upload(one)
  expect(one.refused).toBe('不支持此类文件')
  await upload(one)
  expect(server.posted('/uploads/u1/parts')).toHaveLength(1)
})

it('knows pictures, videos and papers, and nothing else', () => {
  const kinds = [
    ['a.jpg', 'image/jpeg'],
    ['a.mov', 'video/quicktime'],
    ['a.pdf', 'application/pdf'],
    ['a.exe', 'application/x-msdownload'],
    ['a.webm', 'video/webm'],
  ].map(([name = '', type = '']) => kindOf({ name, type }))
  expect(kinds).toEqual(['photo', 'video', 'file', null, null])
})

it('names a file by what its bytes are', () => {
  expect(nameOf('IMG_1.MOV', 'video/quicktime')).toBe('IMG_1.mp4')
  expect(nameOf('IMG_1.png', 'image/jpeg')).toBe('IMG_1.jpg')
  expect(nameOf('.jpg', 'image/jpeg')).toBe('file.jpg')
})
