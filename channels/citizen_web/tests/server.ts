import { vi } from 'vitest'

/** A server for tests: answers by path, and can be unplugged. */
export class Server {
  asked: { path: string; key: string | null; body: unknown }[] = []
  /** Answers to come by the beginning of their path, first things first; a function decides for itself. */
  answers = new Map<string, (() => Response | Promise<Response>)[]>()

  constructor() {
    vi.stubGlobal('fetch', (address: string, init: RequestInit) => this.answer(address, init))
    this.always('/challenges', { challenge: 'w.report.x.1.1.x', bits: 1, expires_at: '2026-03-02T02:00:00Z' })
  }

  private fixed = new Map<string, unknown>()

  /** Answer a path with the same each time. */
  always(path: string, body: unknown): void {
    this.fixed.set(path, body)
  }

  /** Answer a path once with this, before anything else. */
  once(path: string, answer: () => Response | Promise<Response>): void {
    this.answers.set(path, [...(this.answers.get(path) ?? []), answer])
  }

  posted(path: string) {
    return this.asked.filter((one) => one.path.startsWith(path))
  }

  private async answer(address: string, init: RequestInit): Promise<Response> {
    const path = address.replace('/api/v1/citizen', '')
    const headers = init.headers as Record<string, string>
    const body: unknown = typeof init.body === 'string' ? JSON.parse(init.body) : init.body
    this.asked.push({ path, key: headers['Idempotency-Key'] ?? null, body })
    await Promise.resolve()
    for (const [known, waiting] of this.answers) {
      const next = path.startsWith(known) ? waiting.shift() : undefined
      if (next) return next()
    }
    const found = [...this.fixed].find(([known]) => path.startsWith(known))
    return found ? json(found[1]) : json({ type: 'urn:lianxin:problem:not-found' }, 404)
  }
}

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}) => new Response(JSON.stringify(body), { status, headers })
export const unplugged = () => Promise.reject(new TypeError('network'))
export const refused = (status: number, slug: string, fields: { pointer: string; message_zh: string; message_en: string }[] = []) =>
  json({ type: `urn:lianxin:problem:${slug}`, detail_zh: '请修改', detail_en: 'Mend it', fields }, status)
