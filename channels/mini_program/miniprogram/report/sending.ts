import { hotline } from '../api/hotline'
import { Refused } from '../api/problems'
import { bodyOf, type Draft } from './draft'
import { dropDraft, keep, keptDraft, newKey } from './keeping'

export type Told =
  | { state: 'uploading'; done: number; all: number; percent: number }
  | { state: 'sending' }
  | { state: 'sent'; number: string }
  /** Nobody has answered: it is sent again by itself, and nothing in it changes meanwhile. */
  | { state: 'waiting'; retryAfter: number }
  /** The server said no: the citizen mends it. */
  | { state: 'refused'; problem: Refused }

type Listener = (told: Told) => void

const listeners = new Set<Listener>()
let running: Promise<Told> | null = null

/** Hears how sending goes on, also when it was begun by another page; returns how to stop. */
export function listen(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function tell(told: Told): Told {
  listeners.forEach((listener) => { listener(told) })
  return told
}

/** Uploads what is not there yet; each that has arrived is remembered, so that it is not sent twice. */
async function upload(draft: Draft): Promise<void> {
  const all = draft.pictures.length
  for (const [at, picture] of draft.pictures.entries()) {
    if (picture.id !== null) continue
    const file = await hotline.file(picture.path, (percent) => { tell({ state: 'uploading', done: at, all, percent }) })
    picture.id = file.id
    keep(draft)
  }
}

/** A file that waited for too long is not there any more: all are sent again with the next attempt. */
function uploadAnew(draft: Draft, problem: Refused): void {
  if (problem.fields.some(({ pointer }) => pointer.startsWith('/attachments'))) draft.pictures.forEach((picture) => (picture.id = null))
}

async function attempt(draft: Draft): Promise<Told> {
  draft.state = 'waiting'
  keep(draft)
  try {
    await upload(draft)
    tell({ state: 'sending' })
    const { number } = await hotline.report(bodyOf(draft), draft.key)
    dropDraft()
    return { state: 'sent', number }
  } catch (error) {
    if (!(error instanceof Refused) || error.later) return { state: 'waiting', retryAfter: error instanceof Refused ? error.retryAfter : 0 }
    // It was certainly not taken: what is mended is another report.
    uploadAnew(draft, error)
    draft.state = 'writing'
    draft.key = await newKey()
    keep(draft)
    return { state: 'refused', problem: error }
  }
}

/** Sends what was written; who asks while it is on its way waits for the same. */
export function submit(draft: Draft): Promise<Told> {
  running ??= attempt(draft).then(tell).finally(() => (running = null))
  return running
}

/** Sends what still waits, if anything does: at the start, and when the network is there again. */
export function resume(): Promise<Told> | null {
  const draft = keptDraft()
  return running ?? (draft?.state === 'waiting' ? submit(draft) : null)
}
