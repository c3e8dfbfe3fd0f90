import { SETTINGS } from '../settings'
import { Away, Refused } from './problems'
import type { ProblemDetails } from './types'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

export interface Sending {
  body?: object
  /** The bearer token. */
  token?: string
  /** The same key sent again is the same deed. */
  key?: string
}

const addressOf = (path: string) => `${SETTINGS.server}/api/v1/mini/${path}`

function headerOf(headers: Record<string, unknown> | undefined, name: string): string {
  const found = Object.entries(headers ?? {}).find(([key]) => key.toLowerCase() === name)
  return found === undefined ? '' : String(found[1])
}

/** What was answered; an upload's answer comes as text. Null for what is no JSON, e.g. the page of a proxy. */
function answerOf(data: unknown): object | null {
  if (typeof data === 'object') return data
  try {
    const parsed: unknown = JSON.parse(String(data))
    return typeof parsed === 'object' ? parsed : null
  } catch {
    return null
  }
}

function refusedBy(status: number, data: unknown, headers?: Record<string, unknown>): Refused {
  const seconds = Number(headerOf(headers, 'retry-after'))
  return new Refused(status, (answerOf(data) ?? {}) as Partial<ProblemDetails>, Number.isFinite(seconds) && seconds > 0 ? seconds : 0)
}

/**
 * Asks the server once.
 *
 * @throws Refused the server said no; Away it was not reached, or its answer was lost.
 */
export function ask<T>(method: Method, path: string, { body, token, key }: Sending = {}): Promise<T> {
  const header: Record<string, string> = { Accept: 'application/json' }
  if (token !== undefined) header.Authorization = `Bearer ${token}`
  if (key !== undefined) header['Idempotency-Key'] = key
  return new Promise((resolve, reject) => {
    wx.request({
      url: addressOf(path),
      method,
      header,
      ...(body === undefined ? {} : { data: body }),
      success: ({ statusCode, data, header: headers }) => {
        if (statusCode >= 200 && statusCode < 300) resolve(data as T)
        else reject(refusedBy(statusCode, data, headers))
      },
      fail: () => { reject(new Away()) },
    })
  })
}

/**
 * Sends a file once.
 *
 * @param told hears how much of it is on its way, in percent.
 * @throws Refused the server does not take it; Away it was not reached, or its answer was lost.
 */
export function send<T>(path: string, filePath: string, token: string, told: (percent: number) => void = () => undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const task = wx.uploadFile({
      url: addressOf(path),
      filePath,
      name: 'file',
      header: { Accept: 'application/json', Authorization: `Bearer ${token}` },
      success: ({ statusCode, data }) => {
        const answer = answerOf(data)
        if (statusCode < 200 || statusCode >= 300) reject(refusedBy(statusCode, data))
        else if (answer === null) reject(new Away())
        else resolve(answer as T)
      },
      fail: () => { reject(new Away()) },
    })
    task.onProgressUpdate(({ progress }) => { told(progress) })
  })
}
