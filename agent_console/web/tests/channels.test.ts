import { describe, expect, it } from 'vitest'

import { inOrder } from '@/channels/store'
import type { Channel } from '@/channels/types'

const channel = (name: string, more: Partial<Channel> = {}): Channel => ({
  name, mode: 'webhook', last_in_at: null, last_out_at: null, waiting: 0, unknown: 0, failed: 0, refused: 0, hindrance: null, ...more,
})
const hindrance = { since: '2026-03-02T01:30:00+00:00', error: 'try-later', error_zh: '', error_en: '', error_code: '' }

describe('the channels', () => {
  it('come in the order in which they need somebody', () => {
    const found = [channel('web-form'), channel('twilio', { hindrance, waiting: 3 }), channel('api'), channel('wechat', { unknown: 1 })]
    expect(inOrder(found).map(({ name }) => name)).toEqual(['wechat', 'twilio', 'api', 'web-form'])
  })

  it('stay as they were read', () => {
    const found = [channel('b'), channel('a')]
    inOrder(found)
    expect(found.map(({ name }) => name)).toEqual(['b', 'a'])
  })
})
