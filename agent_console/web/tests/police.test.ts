import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { api } from '@/api'
import { ApiProblem, NoAnswer } from '@/api/http'
import type { Call, CallNews, Session } from '@/api/types'
import { policeApi } from '@/police/api'
import { usePolice } from '@/police/store'
import type { HandedOver, Handover, Third } from '@/police/types'
import { useCall } from '@/stores/call'
import { useDrafts } from '@/stores/drafts'
import { useNotices } from '@/stores/notices'
import { useSession } from '@/stores/session'

const third = (state: Third['state'], more: Partial<Third> = {}): Third => ({
  id: 'lx3-1', pbx: 'pbx-1', linkedid: 'lianxin-1.0', state, reason: '', ...more,
})
const handover = { id: 4, linkedid: 'lianxin-1.0', state: 'offered' } as Handover
const done = (more: Partial<HandedOver> = {}): HandedOver => ({ handover, third: third('calling'), ring_problem: null, ...more })

function talking(features: Partial<Session['features']> = { police: true }): ReturnType<typeof usePolice> {
  const session = useSession()
  session.session = { user: { permissions: ['police.hand_over'] }, features } as unknown as Session
  const call = useCall()
  call.phase = 'talking'
  call.current = { linkedid: 'lianxin-1.0', pbx: 'pbx-1', call_id: 7 } as CallNews & Partial<Call>
  return usePolice()
}

beforeEach(() => {
  setActivePinia(createPinia())
  vi.restoreAllMocks()
  vi.spyOn(api, 'draft').mockResolvedValue({ body: null } as never)
})

describe('handing the call to 110', () => {
  it('sends what was typed so far, and shows 110 being rung', async () => {
    const police = talking()
    useDrafts().of(7).draft.text = 'someone has a knife'
    const send = vi.spyOn(policeApi, 'handOver').mockResolvedValue(done())
    await police.handOver(true)
    expect(send.mock.calls[0]?.[0]).toMatchObject({ call: { linkedid: 'lianxin-1.0', text: 'someone has a knife' }, emergency: true, ring: true })
    expect(police.third?.state).toBe('calling')
    expect(police.can).toBe(false)
  })

  it('is sent again under the same key when nobody knows whether it arrived', async () => {
    const police = talking()
    const complain = vi.spyOn(useNotices(), 'complain')
    const send = vi.spyOn(policeApi, 'handOver').mockRejectedValueOnce(new NoAnswer('lost')).mockResolvedValue(done())
    await police.handOver(true)
    expect(complain).toHaveBeenCalledOnce()
    await police.handOver(true)
    expect(send.mock.calls[0]?.[1]).toBe(send.mock.calls[1]?.[1])
  })

  it('shows news that has overtaken the answer', async () => {
    const police = talking()
    const accepted = { ...handover, state: 'accepted' } as Handover
    vi.spyOn(policeApi, 'one').mockResolvedValue(accepted)
    vi.spyOn(policeApi, 'handOver').mockImplementation(async () => {
      await police.takeNews({ handover_id: 4, ticket_id: null })
      return done()
    })
    await police.handOver(true)
    expect(police.handover?.state).toBe('accepted')
  })

  it('says it when the data went and nobody could be rung', async () => {
    const police = talking()
    const tell = vi.spyOn(useNotices(), 'tell')
    vi.spyOn(policeApi, 'handOver').mockResolvedValue(done({ third: null, ring_problem: 'telephony-unavailable' }))
    await police.handOver(true)
    expect(tell).toHaveBeenCalledOnce()
    expect(police.can).toBe(true)
  })

  it('is not there without the talk, the permission or the platform', () => {
    expect(talking({ police: false }).allowed).toBe(false)
    const police = talking()
    expect(police.can).toBe(true)
    useCall().phase = 'ringing'
    expect(police.can).toBe(false)
    useSession().session = { user: { permissions: [] }, features: { police: true } } as unknown as Session
    expect(police.allowed).toBe(false)
  })
})

describe('the call of three', () => {
  it('goes from ringing to talking, and is over when 110 has gone', () => {
    const police = talking()
    for (const state of ['calling', 'joined'] as const) {
      police.takeThird(third(state))
      expect(police.third?.state).toBe(state)
    }
    police.takeThird(third('left'))
    expect(police.third).toBeNull()
  })

  it('that failed says why', () => {
    const police = talking()
    const tell = vi.spyOn(useNotices(), 'tell')
    police.takeThird(third('calling'))
    police.takeThird(third('failed', { reason: 'busy' }))
    expect(tell).toHaveBeenCalledOnce()
    expect(police.can).toBe(true)
  })

  it('stays on the screen when the citizen hangs up, and says so', () => {
    const police = talking()
    const tell = vi.spyOn(useNotices(), 'tell')
    police.takeThird(third('joined'))
    useCall().current = null
    police.takeThird(third('without_citizen'))
    expect(police.third?.state).toBe('without_citizen')
    expect(tell).toHaveBeenCalledOnce()
    useCall().phase = 'idle'
    expect(police.third).toBeNull()
  })

  it('is looked at again after a lost connection, in which its end may not have been told', async () => {
    const police = talking()
    police.takeThird(third('joined'))
    const read = vi.spyOn(policeApi, 'third').mockResolvedValueOnce(third('without_citizen'))
    await police.lookAtThird()
    expect(police.third?.state).toBe('without_citizen')
    read.mockRejectedValueOnce(new NoAnswer('lost'))
    await police.lookAtThird()
    expect(police.third?.state).toBe('without_citizen')
    read.mockRejectedValueOnce(new ApiProblem(404, {} as never, null))
    await police.lookAtThird()
    expect(police.third).toBeNull()
  })

  it('that was told of meanwhile is not overwritten by what was read before', async () => {
    const police = talking()
    police.takeThird(third('joined'))
    vi.spyOn(policeApi, 'third').mockImplementation(() => {
      police.takeThird(third('without_citizen'))
      return Promise.resolve(third('joined'))
    })
    await police.lookAtThird()
    expect(police.third?.state).toBe('without_citizen')
  })

  it('of another call is not shown beside this one', () => {
    const police = talking()
    police.takeThird(third('joined', { linkedid: 'lianxin-9.9' }))
    expect(police.third).toBeNull()
  })
})
