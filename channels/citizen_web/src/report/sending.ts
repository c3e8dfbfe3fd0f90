import { reactive } from 'vue'

import { ask, NoAnswer, Problem } from '@/api/http'
import { prove } from '@/api/proof'
import type { FiledView, Proof } from '@/api/types'
import { aWhile, online } from '@/device/network'
import { discard, drafts, type Draft, type Kind } from '@/report/draft'
import { hearFiled, noteFiled } from '@/report/mine'
import { upload } from '@/report/uploads'

/** How far what is being sent has come. */
export type Stage = 'idle' | 'uploading' | 'working' | 'submitting' | 'waiting' | 'filed'

interface Sending {
  stage: Stage
  problem: Problem | null
  running: boolean
}

export const sendings = reactive<Record<Kind, Sending>>({
  matter: { stage: 'idle', problem: null, running: false },
  letter: { stage: 'idle', problem: null, running: false },
})

hearFiled((kind) => (sendings[kind].stage = 'filed'))

const FIRST_WAIT = 2_000
const LONGEST_WAIT = 60_000

/** Send a draft, for as long as it takes: without a network it waits for one, also over a reload. It arrives once. */
export async function send(kind: Kind): Promise<void> {
  const sending = sendings[kind]
  if (sending.running) return
  drafts[kind].state = 'sending'
  sending.problem = null
  sending.running = true
  try {
    await alone(kind, () => untilFiled(kind))
  } finally {
    sending.running = false
  }
}

/** One tab sends; another one that has the same draft waits for it, and shows what came of it. */
async function alone(kind: Kind, work: () => Promise<void>): Promise<void> {
  // Old browsers lack locks; there the server alone sees to it that a draft is taken once.
  const locks = (navigator as { locks?: LockManager }).locks
  await (locks ? locks.request(`lianxin-citizen-send-${kind}`, work) : work())
}

async function untilFiled(kind: Kind): Promise<void> {
  let wait = FIRST_WAIT
  const sending = sendings[kind]
  while (drafts[kind].state === 'sending') {
    try {
      await attempt(kind)
      return
    } catch (error) {
      if (drafts[kind].state !== 'sending') return
      if (error instanceof Problem && !again(error)) {
        refuse(kind, error)
        return
      }
      sending.stage = 'waiting'
      const asked = error instanceof Problem ? error.retryAfter * 1000 : 0
      await aWhile(Math.max(wait, Math.min(asked, LONGEST_WAIT)))
      wait = Math.min(wait * 2, LONGEST_WAIT)
    }
  }
}

function again(problem: Problem): boolean {
  return problem.passing || problem.slug === 'proof-refused'
}

async function attempt(kind: Kind): Promise<void> {
  const draft = drafts[kind]
  const sending = sendings[kind]
  if (!online.value) throw new NoAnswer()
  for (const file of draft.files) {
    if (file.taken) continue
    sending.stage = 'uploading'
    await upload(file)
    if (file.refused) throw new Problem(422, 'invalid', file.refused, file.refused, [{ pointer: '/uploads', message_zh: file.refused, message_en: file.refused }])
  }
  sending.stage = 'working'
  const proof = await prove('report')
  if (draft.state !== 'sending') return
  sending.stage = 'submitting'
  // From here on nobody knows whether it is there until there is an answer. Another tab may have changed the draft.
  drafts[kind].maybeThere = true
  const answer = await ask<FiledView>('POST', '/reports', bodyOf(draft, proof), { key: draft.key })
  const secret = draft.confidential || draft.type === 'report'
  noteFiled(answer, kind, draft.type || 'help', secret)
  sending.stage = 'filed'
  await discard(kind)
}

export function bodyOf(draft: Draft, proof: Proof): Record<string, unknown> {
  const named = draft.anonymous === false
  return {
    kind: draft.kind,
    type: draft.type || (draft.kind === 'letter' ? 'suggestion' : 'help'),
    title: draft.title,
    text: draft.text,
    address: draft.address,
    latitude: draft.spot?.latitude ?? null,
    longitude: draft.spot?.longitude ?? null,
    uploads: draft.files.map((file) => file.upload),
    name: named ? draft.name : '',
    phone: named ? draft.phone : '',
    phone_pass: named ? draft.phonePass : '',
    mail: draft.kind === 'letter' ? draft.mail : '',
    confidential: draft.confidential,
    call_me_not: draft.callMeNot,
    proof,
  }
}

function refuse(kind: Kind, problem: Problem): void {
  const draft = drafts[kind]
  // The server has looked at it and taken nothing: it can be changed and sent anew.
  draft.state = 'editing'
  draft.maybeThere = false
  if (problem.slug === 'phone-not-shown') draft.phonePass = ''
  if (problem.field('/uploads')) {
    for (const file of draft.files) {
      if (file.taken) Object.assign(file, { taken: false, upload: '', received: 0 })
    }
  }
  sendings[kind].stage = 'idle'
  sendings[kind].problem = problem
}

/** Take a draft back that has not left the telephone yet. */
export function takeBack(kind: Kind): void {
  if (drafts[kind].maybeThere) return
  drafts[kind].state = 'editing'
  sendings[kind].stage = 'idle'
}

/** Go on with what an earlier visit did not finish. */
export function resume(): void {
  for (const kind of ['matter', 'letter'] as const) {
    if (drafts[kind].state === 'sending') void send(kind)
  }
}
