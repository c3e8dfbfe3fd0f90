import { defineStore } from 'pinia'
import { markRaw, reactive } from 'vue'

import { api } from '@/api'
import { ApiProblem } from '@/api/http'
import { IdempotencyKeys } from '@/domain/random'
import { draftOf, emptyDraft, savedBody, type TicketDraft } from '@/domain/ticket-form'

import { useClock } from './clock'

const SAVE_AFTER_MS = 600
const RETRY_AFTER_MS = 5000
const COUNTER = 'counter'

export type Saving = 'empty' | 'loading' | 'typed' | 'saved' | 'failed'

export interface DraftDesk {
  callId: number | null
  /** What it belongs to when there is no call: the counter, or a conversation. */
  place: string
  draft: TicketDraft
  saving: Saving
  savedAt: string | null
  touched: boolean
  /** What the server has, or nothing yet. */
  stored: string
  keys: Pick<IdempotencyKeys, 'for'>
  timer: ReturnType<typeof setTimeout> | undefined
}

/** What was typed, by call. It is on the server a moment after each pause in typing. */
export const useDrafts = defineStore('drafts', () => {
  const clock = useClock()
  const desks = reactive(new Map<string, DraftDesk>())

  /** The form of a call, or for null of a walk-in, a letter or a conversation. Read from the server the first time. */
  function of(callId: number | null, place = COUNTER): DraftDesk {
    const key = String(callId ?? place)
    const known = desks.get(key)
    if (known !== undefined) return known
    desks.set(key, {
      callId,
      place,
      draft: emptyDraft(),
      saving: callId === null ? 'empty' : 'loading',
      savedAt: null,
      touched: false,
      stored: '{}',
      keys: markRaw(new IdempotencyKeys()),
      timer: undefined,
    })
    const desk = desks.get(key) as DraftDesk
    if (callId !== null) void read(desk, callId)
    return desk
  }

  async function read(desk: DraftDesk, callId: number): Promise<void> {
    try {
      const saved = await api.draft(callId)
      // Whoever already types is newer than what was saved.
      if (!desk.touched && saved.body) {
        desk.draft = draftOf(saved.body)
        desk.stored = JSON.stringify(savedBody(desk.draft))
        desk.savedAt = saved.saved_at ?? null
      }
    } catch {
      // An unread draft is no reason to keep the agent from typing.
    }
    if (!desk.touched) desk.saving = desk.savedAt === null ? 'empty' : 'saved'
  }

  function typed(desk: DraftDesk): void {
    // A draft that was just read changes the form too; nobody has typed it.
    if (!desk.touched && JSON.stringify(savedBody(desk.draft)) === desk.stored) return
    desk.touched = true
    desk.saving = 'typed'
    clearTimeout(desk.timer)
    desk.timer = setTimeout(() => void save(desk), SAVE_AFTER_MS)
  }

  async function save(desk: DraftDesk, leaving = false): Promise<void> {
    clearTimeout(desk.timer)
    if (desk.callId === null || desk.saving === 'saved' || !desk.touched) return
    const body = savedBody(desk.draft)
    try {
      await api.saveDraft(desk.callId, body, leaving)
      desk.stored = JSON.stringify(body)
      if (JSON.stringify(savedBody(desk.draft)) !== desk.stored) return
      desk.saving = 'saved'
      desk.savedAt = new Date(clock.read()).toISOString()
    } catch (error) {
      desk.saving = 'failed'
      const hopeless = error instanceof ApiProblem && error.status !== 401 && error.status < 500
      if (!hopeless) desk.timer = setTimeout(() => void save(desk), RETRY_AFTER_MS)
    }
  }

  /** The ticket is made: its form is done with. */
  function drop(callId: number | null, place = COUNTER): void {
    const key = String(callId ?? place)
    const desk = desks.get(key)
    if (desk === undefined) return
    clearTimeout(desk.timer)
    // Its form saves once more as it leaves the page, which must not bring the draft back.
    desk.touched = false
    desks.delete(key)
  }

  function saveAll(leaving = false): void {
    for (const desk of desks.values()) {
      if (desk.saving === 'typed' || desk.saving === 'failed') void save(desk, leaving)
    }
  }

  return { desks, of, typed, save, drop, saveAll }
})
