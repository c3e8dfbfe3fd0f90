import { createHash } from 'node:crypto'

import { describe, expect, it } from 'vitest'

import { Digester, leadingZeros, solve } from '@/api/sha256'

const hex = (digest: Uint32Array) => [...digest].map((word) => word.toString(16).padStart(8, '0')).join('')
const known = (text: string) => createHash('sha256').update(text).digest('hex')

describe('the digest', () => {
  it('is that of FIPS 180-4', () => {
    expect(hex(new Digester('').digest('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })

  it.each(Array.from({ length: 150 }, (_, length) => length))('is the same for a beginning of %i characters', (length) => {
    const beginning = 'w.report.0123456789abcdef'.repeat(7).slice(0, length)
    const digester = new Digester(beginning)
    for (const ending of ['', '7', '1234567', '9'.repeat(20)]) {
      expect(hex(digester.digest(ending))).toBe(known(beginning + ending))
    }
  })
})

it('counts the zero bits that a digest begins with', () => {
  expect(leadingZeros(new Uint32Array([0, 1, 0, 0, 0, 0, 0, 0]))).toBe(63)
  expect(leadingZeros(new Uint32Array([0x00ffffff, 0, 0, 0, 0, 0, 0, 0]))).toBe(8)
  expect(leadingZeros(new Uint32Array(8))).toBe(256)
})

it.each([1, 6, 11])('finds work of %i bits that the server accepts', (bits) => {
  const text = 'w.report.0123456789abcdef01234567.11.1772415000.0123456789abcdef0123456789abcdef'
  const nonce = solve(text, bits)
  const digest = BigInt(`0x${known(text + nonce)}`)
  expect(digest >> BigInt(256 - bits)).toBe(0n)
})
