/** A WeChat on a telephone whose network leads to a hotline that really runs. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

import { SETTINGS } from '../../miniprogram/settings'
import { Hotline, startWeChat } from '../wechat'

function told(name: string): string {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is not set: this is run by tests/integration/channels/wechat/test_mini_program.py`)
  return value
}

export const asked = {
  number: () => told('LIANXIN_NUMBER'),
  phoneCode: () => told('LIANXIN_PHONE_CODE'),
  photo: () => told('LIANXIN_PHOTO'),
}

interface Call {
  url: string
  method?: string
  data?: unknown
  header: Record<string, string>
  filePath?: string
  success: (result: object) => void
  fail: (result: object) => void
}

const here = (url: string) => url.replace(SETTINGS.server, told('LIANXIN_ORIGIN'))

async function answered(call: Call, init: RequestInit, asText: boolean): Promise<void> {
  try {
    const response = await fetch(here(call.url), init)
    const text = await response.text()
    const json = (response.headers.get('content-type') ?? '').includes('json')
    call.success({ statusCode: response.status, data: json && !asText ? (JSON.parse(text) as unknown) : text, header: Object.fromEntries(response.headers) })
  } catch (error) {
    call.fail({ errMsg: `request:fail ${String(error)}` })
  }
}

/** As `wx.uploadFile` sends it: one part of a form, with the name of the file. */
function form(path: string): { body: Buffer; type: string } {
  const boundary = 'LianxinMiniProgramBoundary'
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${basename(path)}"\r\nContent-Type: application/octet-stream\r\n\r\n`
  return { body: Buffer.concat([Buffer.from(head), readFileSync(path), Buffer.from(`\r\n--${boundary}--\r\n`)]), type: `multipart/form-data; boundary=${boundary}` }
}

/** Puts the telephone into the global scope; returns what WeChat was told to do. */
export function startTelephone(): ReturnType<typeof startWeChat> {
  const known = startWeChat(new Hotline())
  const fake = Reflect.get(globalThis, 'wx') as Record<string, unknown>
  fake.login = ({ success }: Call) => { success({ code: told('LIANXIN_LOGIN_CODE') }) }
  fake.request = (call: Call) => {
    const body = call.data === undefined ? undefined : JSON.stringify(call.data)
    const header = body === undefined ? call.header : { ...call.header, 'Content-Type': 'application/json' }
    void answered(call, { method: call.method ?? 'GET', headers: header, ...(body === undefined ? {} : { body }) }, false)
  }
  fake.uploadFile = (call: Call) => {
    const { body, type } = form(call.filePath ?? '')
    void answered(call, { method: 'POST', headers: { ...call.header, 'Content-Type': type }, body: new Uint8Array(body) }, true)
    return { onProgressUpdate: () => undefined }
  }
  fake.getFileSystemManager = () => ({
    mkdirSync: () => undefined,
    copyFileSync: () => { throw new Error('the picture is used from where it lies') },
    unlinkSync: () => undefined,
  })
  return known
}
