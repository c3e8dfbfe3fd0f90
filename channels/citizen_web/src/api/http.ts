import { either, words } from '@/i18n'

export interface FieldProblem {
  pointer: string
  message_zh: string
  message_en: string
}

interface ProblemDetails {
  type?: string
  detail_zh?: string
  detail_en?: string
  fields?: FieldProblem[]
}

/** The server has answered, and it is a refusal; the message says what to do next. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly slug: string,
    private readonly zh: string,
    private readonly en: string,
    readonly fields: FieldProblem[] = [],
    readonly retryAfter = 0,
  ) {
    super(slug)
  }

  get words(): string {
    return either(this.zh || null, this.en || null) || words.value.problems.unexpected
  }

  /** The same request may succeed later, without anything being changed. */
  get passing(): boolean {
    return this.status === 429 || this.status >= 500
  }

  field(pointer: string): string {
    const found = this.fields.find((field) => field.pointer === pointer || field.pointer.startsWith(`${pointer}/`))
    return found ? either(found.message_zh, found.message_en) : ''
  }
}

/** Nobody knows whether the request has arrived: there was no answer. */
export class NoAnswer extends Error {}

export function wordsOf(error: unknown): string {
  if (error instanceof Problem) return error.words
  return error instanceof NoAnswer ? words.value.problems.offline : words.value.problems.unexpected
}

interface Options {
  key?: string
  bytes?: Blob
  seconds?: number
}

/** Ask the server; throws `Problem` when it refuses and `NoAnswer` when it does not answer. */
export async function ask<T>(method: 'GET' | 'POST', path: string, body?: unknown, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = {}
  if (options.bytes) headers['Content-Type'] = 'application/octet-stream'
  else if (body !== undefined) headers['Content-Type'] = 'application/json'
  if (options.key) headers['Idempotency-Key'] = options.key
  const ending = new AbortController()
  const timer = setTimeout(() => {
    ending.abort()
  }, (options.seconds ?? 30) * 1000)
  let response: Response
  let text: string
  try {
    response = await fetch(`/api/v1/citizen${path}`, {
      method,
      headers,
      body: options.bytes ?? (body === undefined ? null : JSON.stringify(body)),
      signal: ending.signal,
      credentials: 'omit',
    })
    text = await response.text()
  } catch {
    throw new NoAnswer()
  } finally {
    clearTimeout(timer)
  }
  if (response.ok) return (text ? JSON.parse(text) : undefined) as T
  throw refusal(response, text)
}

function refusal(response: Response, text: string): Problem {
  let details: ProblemDetails = {}
  try {
    details = JSON.parse(text) as ProblemDetails
  } catch {
    // A proxy's own page: the status says all that is to be known.
  }
  const slug = (details.type ?? '').replace('urn:lianxin:problem:', '')
  const wait = Number(response.headers.get('Retry-After') ?? 0)
  return new Problem(response.status, slug, details.detail_zh ?? '', details.detail_en ?? '', details.fields ?? [], Number.isFinite(wait) ? wait : 0)
}
