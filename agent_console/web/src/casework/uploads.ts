import { ApiProblem, NoAnswer } from '@/api/http'
import { hooks } from '@/api/request'
import type { Problem } from '@/api/types'

import type { Attachment } from './types'

/** One file on its way to the server. */
export interface Upload {
  key: string
  name: string
  size: number
  /** 0 … 1 */
  progress: number
  attachment: Attachment | null
  failure: unknown
  abort: () => void
}

export const LARGEST_MEGABYTES = 20
export const ENDINGS = ['jpg', 'jpeg', 'png', 'gif', 'webp', 'pdf', 'docx', 'xlsx', 'mp4', 'mp3'] as const
const DEADLINE_MS = 10 * 60_000

/** Why a file is not taken: a key of the texts. */
export interface Refusal {
  key: string
  params: Record<string, string | number>
}

/** Why a file will not be taken; null when it may be sent. */
export function refusalOf(file: { name: string; size: number }): Refusal | null {
  const ending = /\.([^.]+)$/.exec(file.name)?.[1]?.toLowerCase() ?? ''
  if (!(ENDINGS as readonly string[]).includes(ending)) return { key: 'act.file.kind', params: { name: file.name } }
  if (file.size === 0) return { key: 'act.file.empty', params: { name: file.name } }
  if (file.size > LARGEST_MEGABYTES * 1024 * 1024) return { key: 'act.file.large', params: { name: file.name, most: LARGEST_MEGABYTES } }
  return null
}

/** 3.2 MB, 480 KB. */
export function sizeText(bytes: number): string {
  return bytes >= 1024 * 1024 ? `${(bytes / 1024 / 1024).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1024))} KB`
}

/**
 * Sends a file. `fetch` cannot tell how far an upload is; the older interface can.
 *
 * @returns what the server keeps of it; rejects with ApiProblem or NoAnswer.
 */
export function upload(file: File, onProgress: (part: number) => void, onAbort: (abort: () => void) => void): Promise<Attachment> {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest()
    sending.open('POST', '/api/v1/attachments')
    sending.timeout = DEADLINE_MS
    sending.responseType = 'json'
    const token = hooks.csrfToken()
    if (token !== null) sending.setRequestHeader('X-CSRF-Token', token)
    sending.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0)
    sending.onload = () => {
      if (sending.status >= 200 && sending.status < 300) return resolve(sending.response as Attachment)
      if (sending.status === 401) hooks.onExpired()
      reject(new ApiProblem(sending.status, { type: 'about:blank', status: sending.status, ...(sending.response as Partial<Problem> | null) }, null))
    }
    sending.onerror = sending.ontimeout = sending.onabort = () => reject(new NoAnswer(sending.statusText))
    onAbort(() => sending.abort())
    const body = new FormData()
    body.append('file', file, file.name)
    sending.send(body)
  })
}
