import { describe, expect, it } from 'vitest'

import type { KnownCitizen, Merge } from '@/citizens/api'
import { toShow, whoIs } from '@/citizens/words'

const citizen = (more: Partial<KnownCitizen> = {}): KnownCitizen => ({
  id: 7, kind: 'person', known_by: [], first_seen_at: '2026-03-02T01:30:00Z', contacts: 1, ...more,
})
const merge = (id: number, state: Merge['state']): Merge => ({ id, state, ground: 'typed_number', other: citizen() })
const words: Record<string, string> = { 'same.known.openid': 'WeChat', 'same.known.unionid': 'WeChat', 'same.known.mail': 'Mail' }
const t = (key: string) => words[key] ?? key

describe('another citizen', () => {
  it('is told by name, number and each kind of account once, the first one of it', () => {
    const known = citizen({
      name: 'Li', phone_masked: '138****5678',
      known_by: [
        { kind: 'openid', scope: 'gh_1', shown: '…fL2M' },
        { kind: 'unionid', scope: '', shown: '…99aa' },
        { kind: 'mail', scope: '', shown: 'l***@example.com' },
      ],
    })
    expect(whoIs(known, t)).toEqual(['Li', '138****5678', 'WeChat …fL2M', 'Mail l***@example.com'])
  })

  it('has nothing to be told by when only that he is there is known', () => {
    expect(whoIs(citizen({ name: null, phone_masked: null }), t)).toEqual([])
  })
})

describe('what is shown beside the work', () => {
  it('is what waits for a word and what was joined; what was refused only while a slip can be taken back', () => {
    const all = [merge(1, 'suggested'), merge(2, 'confirmed'), merge(3, 'dismissed'), merge(4, 'undone')]
    expect(toShow(all, new Set()).map(({ id }) => id)).toEqual([1, 2])
    expect(toShow(all, new Set([3])).map(({ id }) => id)).toEqual([1, 2, 3])
  })
})
