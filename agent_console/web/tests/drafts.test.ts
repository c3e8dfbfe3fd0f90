import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { api } from '@/api'
import { ApiProblem, NoAnswer } from '@/api/http'
import type { SavedDraft } from '@/api/types'
import { useDrafts } from '@/stores/drafts'

const real = { draft: api.draft, saveDraft: api.saveDraft }
let stored: SavedDraft
let saved: unknown[]
let refuse: (() => Error) | null

beforeEach(() => {
  vi.useFakeTimers()
  setActivePinia(createPinia())
  stored = { body: null, saved_at: null }
  saved = []
  refuse = null
  api.draft = () => Promise.resolve(stored)
  api.saveDraft = (_, body) => {
    if (refuse !== null) return Promise.reject(refuse())
    saved.push(body)
    return Promise.resolve(undefined)
  }
})
afterEach(() => {
  Object.assign(api, real)
  vi.useRealTimers()
})

async function opened() {
  const drafts = useDrafts()
  const desk = drafts.of(5)
  await vi.advanceTimersByTimeAsync(0)
  return { drafts, desk }
}

describe('a draft', () => {
  it('is on the server a moment after typing pauses, once', async () => {
    const { drafts, desk } = await opened()
    for (const title of ['滨', '滨江', '滨江路']) {
      desk.draft.title = title
      drafts.typed(desk)
      await vi.advanceTimersByTimeAsync(200)
    }
    expect(saved).toEqual([])
    await vi.advanceTimersByTimeAsync(600)
    expect(saved).toEqual([{ title: '滨江路' }])
    expect(desk.saving).toBe('saved')
  })

  it('comes back as it was, and reading it is not typing', async () => {
    stored = { body: { title: '路灯', answer: null }, saved_at: '2026-03-02T09:30:00+08:00' }
    const { drafts, desk } = await opened()
    drafts.typed(desk)
    await vi.advanceTimersByTimeAsync(2000)
    expect([desk.draft.title, desk.draft.handling, desk.saving, saved]).toEqual(['路灯', 'dispatch', 'saved', []])
  })

  it('does not overwrite what was typed while it was being read', async () => {
    stored = { body: { title: '旧' }, saved_at: '2026-03-02T09:30:00+08:00' }
    const drafts = useDrafts()
    const desk = drafts.of(5)
    desk.draft.title = '新'
    drafts.typed(desk)
    await vi.advanceTimersByTimeAsync(0)
    expect(desk.draft.title).toBe('新')
  })

  it('is tried again when the server did not answer', async () => {
    const { drafts, desk } = await opened()
    refuse = () => new NoAnswer('down')
    desk.draft.title = '路灯'
    drafts.typed(desk)
    await vi.advanceTimersByTimeAsync(700)
    expect(desk.saving).toBe('failed')
    refuse = null
    await vi.advanceTimersByTimeAsync(5000)
    expect([desk.saving, saved]).toEqual(['saved', [{ title: '路灯' }]])
  })

  it('is not tried again when the server refused it', async () => {
    const { drafts, desk } = await opened()
    refuse = () => new ApiProblem(403, { type: 'x', status: 403 }, null)
    desk.draft.title = '路灯'
    drafts.typed(desk)
    await vi.advanceTimersByTimeAsync(700)
    refuse = null
    await vi.advanceTimersByTimeAsync(60_000)
    expect(saved).toEqual([])
  })

  it('is not brought back by its form leaving after the ticket was made', async () => {
    const { drafts, desk } = await opened()
    desk.draft.title = '路灯'
    drafts.typed(desk)
    drafts.drop(5)
    await drafts.save(desk)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(saved).toEqual([])
  })
})
