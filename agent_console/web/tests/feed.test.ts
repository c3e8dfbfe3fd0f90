import { describe, expect, it } from 'vitest'

import type { FeedEntry, Hint } from '@/api/types'
import { FeedSequence } from '@/feed/sequence'

const entry = (seq: number, type = 'ticket.changed', data: unknown = {}): FeedEntry => ({ seq, type, data })
const callHint = (type: string, linkedid: string): Hint => ({ type, data: { linkedid } })

describe('the feed', () => {
  it('asks for no replay on a new page and begins where the server says', () => {
    const feed = new FeedSequence()
    expect(feed.lastSeq).toBeNull()
    feed.startAt(41)
    expect(feed.lastSeq).toBe(41)
  })

  it('gives the server its place when it comes back after a lost connection', () => {
    const feed = new FeedSequence(3)
    feed.takeEntry(entry(7))
    expect(feed.lastSeq).toBe(7)
  })

  it('begins anew when the server no longer has its place', () => {
    const feed = new FeedSequence(500)
    feed.startAt(41)
    expect([feed.takeEntry(entry(42)), feed.lastSeq]).toEqual([true, 42])
  })

  it('tells a replay once, in order, whatever is repeated', () => {
    const feed = new FeedSequence(3)
    const told = [4, 5, 5, 4, 6, 3, 7, 6].filter((seq) => feed.takeEntry(entry(seq)))
    expect(told).toEqual([4, 5, 6, 7])
    expect(feed.lastSeq).toBe(7)
  })

  it('accepts numbers that leave gaps, as entries of other agents do', () => {
    const feed = new FeedSequence(3)
    expect(feed.takeEntry(entry(90))).toBe(true)
    expect(feed.lastSeq).toBe(90)
  })

  it.each(['call.offered', 'call.answered', 'call.ended'])('tells %s again when it is written down', (type) => {
    const feed = new FeedSequence(0)
    const written = entry(1, type, { linkedid: 'a.1' })
    expect(feed.takeHint(callHint(type, 'a.1'))).toBe(true)
    expect([feed.takeEntry(written), feed.takeEntry(written)]).toEqual([true, false])
    expect(feed.takeHint(callHint(type, 'a.1'))).toBe(false)
  })

  it('tells it once when the durable entry comes first', () => {
    const feed = new FeedSequence(0)
    expect(feed.takeEntry(entry(1, 'call.ended', { linkedid: 'a.1' }))).toBe(true)
    expect(feed.takeHint(callHint('call.ended', 'a.1'))).toBe(false)
  })

  it('tells the same change of two calls twice', () => {
    const feed = new FeedSequence()
    expect(feed.takeHint(callHint('call.offered', 'a.1'))).toBe(true)
    expect(feed.takeHint(callHint('call.offered', 'a.2'))).toBe(true)
  })

  it('tells every hint of what may happen often in one call', () => {
    const feed = new FeedSequence()
    const held = callHint('call.held', 'a.1')
    expect([feed.takeHint(held), feed.takeHint(held)]).toEqual([true, true])
    expect(feed.takeHint({ type: 'presence.changed', data: { state: 'online' } })).toBe(true)
  })

  it('forgets the oldest call rather than growing for a whole shift', () => {
    const feed = new FeedSequence()
    for (let call = 0; call < 600; call += 1) feed.takeHint(callHint('call.ended', `a.${call}`))
    expect(feed.takeHint(callHint('call.ended', 'a.599'))).toBe(false)
    expect(feed.takeHint(callHint('call.ended', 'a.0'))).toBe(true)
  })
})
