import type { IceCandidateEvent } from 'jssip/lib/RTCSession'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { hurriedGathering } from '@/phone/ice'
import { takeTelephone } from '@/phone/media-tab'

const settle = () => new Promise((resolve) => setTimeout(resolve, 0))

describe('gathering', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  function gathering() {
    let ready = 0
    const done = () => {
      ready += 1
    }
    const listen = hurriedGathering()
    const candidate = (type: string) => listen({ candidate: { type, candidate: '' }, ready: done } as unknown as IceCandidateEvent)
    return { candidate, count: () => ready }
  }

  it('ends shortly after the first host candidate', () => {
    const { candidate, count } = gathering()
    candidate('host')
    candidate('host')
    vi.advanceTimersByTime(59)
    expect(count()).toBe(0)
    vi.advanceTimersByTime(1)
    expect(count()).toBe(1)
  })

  it('waits no longer than 300 ms when there is no host candidate', () => {
    const { candidate, count } = gathering()
    candidate('srflx')
    candidate('srflx')
    vi.advanceTimersByTime(299)
    expect(count()).toBe(0)
    vi.advanceTimersByTime(1)
    expect(count()).toBe(1)
  })
})

/** The browser's lock manager, as far as one name needs it. */
class Locks {
  private held = false
  private readonly waiting: (() => void)[] = []

  async request(_: string, options: { ifAvailable?: boolean; signal?: AbortSignal }, work: (lock: object | null) => unknown): Promise<void> {
    if (this.held && options.ifAvailable === true) {
      await work(null)
      return
    }
    if (this.held) {
      await new Promise<void>((resolve, reject) => {
        this.waiting.push(resolve)
        options.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')))
      })
    }
    this.held = true
    await work({})
    this.held = false
    this.waiting.shift()?.()
  }
}

describe('the telephone of an agent', () => {
  beforeEach(() => {
    vi.stubGlobal('navigator', { locks: new Locks() })
  })
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  function tab() {
    const turns: boolean[] = []
    return { turns, leave: takeTelephone('1001', (ours) => turns.push(ours)) }
  }

  it('belongs to one tab, and the other is told so at once', async () => {
    const first = tab()
    await settle()
    const second = tab()
    await settle()
    expect([first.turns, second.turns]).toEqual([[true], [false]])
  })

  it('goes to the waiting tab when the first gives it up', async () => {
    const first = tab()
    await settle()
    const second = tab()
    await settle()
    first.leave()
    await settle()
    expect(second.turns).toEqual([false, true])
  })

  it('is not given to a tab that has left the queue', async () => {
    const first = tab()
    await settle()
    const second = tab()
    await settle()
    second.leave()
    await settle()
    first.leave()
    await settle()
    expect(second.turns).toEqual([false])
  })

  it('is taken without asking where the browser has no locks', () => {
    vi.stubGlobal('navigator', {})
    expect(tab().turns).toEqual([true])
  })
})
