import { describe, expect, it } from 'vitest'

import { clockOffset, clockText, momentText, secondsSince, secondsUntil } from '@/domain/time'

const NOON = new Date(2026, 2, 2, 12, 0, 0).getTime()
const at = (...parts: [number, number, number, number, number]) => new Date(...parts).toISOString()

describe('clocks', () => {
  it.each([
    [0, '00:00'], [59.9, '00:59'], [151, '02:31'], [3599, '59:59'], [3600, '1:00:00'], [36_061, '10:01:01'], [-5, '00:00'],
  ])('%d seconds read %s', (seconds, text) => {
    expect(clockText(seconds)).toBe(text)
  })

  it('counts whole seconds since an instant and never below zero', () => {
    expect(secondsSince(at(2026, 2, 2, 11, 59), NOON)).toBe(60)
    expect(secondsSince(at(2026, 2, 2, 12, 1), NOON)).toBe(0)
    expect(secondsSince(null, NOON)).toBe(0)
  })

  it('rounds what is left up, so that it ends when it shows zero', () => {
    expect(secondsUntil(new Date(NOON + 1).toISOString(), NOON)).toBe(1)
    expect(secondsUntil(new Date(NOON).toISOString(), NOON)).toBe(0)
    expect(secondsUntil(undefined, NOON)).toBe(0)
  })

  it.each([
    [at(2026, 2, 2, 8, 5), '08:05'],
    [at(2026, 2, 1, 23, 59), '03-01 23:59'],
    [at(2025, 11, 31, 9, 30), '2025-12-31 09:30'],
  ])('writes %s with no more of the date than is needed', (instant, text) => {
    expect(momentText(instant, NOON)).toBe(text)
  })

  it('writes a dash for an unknown moment', () => {
    expect(momentText(null, NOON)).toBe('—')
  })

  it('ignores a difference that the header’s whole seconds explain', () => {
    expect([clockOffset(NOON + 1500, NOON), clockOffset(NOON + 90_000, NOON)]).toEqual([0, 90_000])
  })
})
