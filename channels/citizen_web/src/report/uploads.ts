import { reactive } from 'vue'

import { ask, NoAnswer, Problem, wordsOf } from '@/api/http'
import { page } from '@/api/page'
import { prove } from '@/api/proof'
import type { UploadView } from '@/api/types'
import { keptFile } from '@/device/blobs'
import type { Draft, DraftFile } from '@/report/draft'

const PART_SECONDS = 90

/** Files that are being sent now, by their ids. */
export const underWay = reactive(new Map<string, Promise<void>>())

/** Send a file, or the rest of it; returns when the server has taken it or has refused it for good (`file.refused`). */
export function upload(file: DraftFile): Promise<void> {
  const running = underWay.get(file.id)
  if (running) return running
  const sending = send(file).finally(() => underWay.delete(file.id))
  underWay.set(file.id, sending)
  return sending
}

async function send(file: DraftFile): Promise<void> {
  if (file.taken || file.refused) return
  const blob = await keptFile(file.id)
  if (!blob) {
    file.refused = wordsOf(new Problem(404, 'upload-gone', '文件已不在本机，请重新选择', 'The file is gone from this telephone, choose it again'))
    return
  }
  try {
    await inParts(file, blob)
  } catch (error) {
    if (!(error instanceof Problem) || error.passing) throw error
    // A proof that has expired meanwhile, or an upload that is too old: both begin anew.
    if (error.slug === 'upload-gone' && file.upload) {
      file.upload = ''
      file.received = 0
      throw new NoAnswer()
    }
    if (error.slug === 'proof-refused') throw new NoAnswer()
    file.refused = error.field('/file') || error.words
  }
}

async function inParts(file: DraftFile, blob: Blob): Promise<void> {
  let state: UploadView
  if (file.upload) {
    state = await ask<UploadView>('GET', `/uploads/${file.upload}`)
  } else {
    const proof = await prove('upload')
    state = await ask<UploadView>('POST', '/uploads', { name: file.name, size: blob.size, proof })
    file.upload = state.upload
  }
  file.received = state.received
  while (!state.taken) {
    const part = blob.slice(file.received, file.received + page.value.part_bytes)
    state = await ask<UploadView>('POST', `/uploads/${file.upload}/parts?start=${file.received}`, undefined, {
      bytes: part,
      seconds: PART_SECONDS,
    })
    file.received = state.received
  }
  file.taken = true
}

/** How much of a draft's files has arrived, in percent. */
export function percentOf(draft: Draft): number {
  const whole = draft.files.reduce((sum, { size }) => sum + size, 0)
  const here = draft.files.reduce((sum, { taken, size, received }) => sum + (taken ? size : received), 0)
  return whole ? Math.floor((here / whole) * 100) : 100
}
