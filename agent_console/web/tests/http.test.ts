import { describe, expect, it } from 'vitest'

import { ApiProblem, createRequester, NoAnswer } from '@/api/http'

interface Seen {
  address: string
  init: RequestInit
}

function requester(answer: () => Response) {
  const seen: Seen[] = []
  const expired: number[] = []
  const request = createRequester(
    { csrfToken: () => 'token', onExpired: () => expired.push(1), onServerTime: () => undefined },
    (address, init) => {
      seen.push({ address: String(address), init: init ?? {} })
      return Promise.resolve(answer())
    },
  )
  return { request, seen, expired }
}

const header = (seen: Seen | undefined, name: string) => new Headers(seen?.init.headers).get(name)

describe('a request', () => {
  it('carries the token and the idempotency key when it changes something', async () => {
    const { request, seen } = requester(() => Response.json({ id: 1 }, { status: 201 }))
    await request('POST', '/tickets', { body: { title: 'x' }, idempotencyKey: 'k' })
    expect([header(seen[0], 'X-CSRF-Token'), header(seen[0], 'Idempotency-Key')]).toEqual(['token', 'k'])
  })

  it('carries no token when it only reads, and leaves empty parameters out', async () => {
    const { request, seen } = requester(() => Response.json({}))
    await request('GET', '/tickets', { query: { mine: true, cursor: null, state: '' } })
    expect([seen[0]?.address, header(seen[0], 'X-CSRF-Token')]).toEqual(['/api/v1/tickets?mine=true', null])
  })

  it('raises the server’s problem with its fields and its wait', async () => {
    const fields = [{ pointer: '/title', message_zh: '太短', message_en: 'too short' }]
    const { request } = requester(() => Response.json({ type: 'x', status: 422, fields }, { status: 422, headers: { 'Retry-After': '42' } }))
    const error = await request('POST', '/tickets').catch((raised: unknown) => raised)
    expect(error).toBeInstanceOf(ApiProblem)
    expect(error).toMatchObject({ status: 422, retryAfter: 42, fields })
  })

  it('survives an error page that is no problem document', async () => {
    const { request } = requester(() => new Response('<html>', { status: 502 }))
    await expect(request('GET', '/calls')).rejects.toMatchObject({ status: 502, fields: [] })
  })

  it('reports an ended session, but not a wrong password', async () => {
    const { request, expired } = requester(() => Response.json({}, { status: 401 }))
    await expect(request('POST', '/session')).rejects.toBeInstanceOf(ApiProblem)
    expect(expired).toHaveLength(0)
    await expect(request('GET', '/presence')).rejects.toBeInstanceOf(ApiProblem)
    expect(expired).toHaveLength(1)
  })

  it('tells a missing answer from a refusal', async () => {
    const request = createRequester(
      { csrfToken: () => null, onExpired: () => undefined, onServerTime: () => undefined },
      () => Promise.reject(new TypeError('fetch failed')),
    )
    await expect(request('GET', '/calls')).rejects.toBeInstanceOf(NoAnswer)
  })
})
