import type { FieldProblem, Problem } from './types'

const DEADLINE_MS = 15_000

/** The server refused or failed, and said so in problem details. */
export class ApiProblem extends Error {
  readonly status: number
  readonly problem: Problem
  /** Seconds to wait before the same request has a chance, when the server named them. */
  readonly retryAfter: number | null

  constructor(status: number, problem: Problem, retryAfter: number | null) {
    super(problem.title_en ?? problem.title ?? `HTTP ${status}`)
    this.name = 'ApiProblem'
    this.status = status
    this.problem = problem
    this.retryAfter = retryAfter
  }

  get fields(): FieldProblem[] {
    return this.problem.fields ?? []
  }
}

/** No answer came: the network, the server or the deadline. */
export class NoAnswer extends Error {
  constructor(cause: unknown) {
    super('no answer from the server', { cause })
    this.name = 'NoAnswer'
  }
}

export interface RequestOptions {
  body?: unknown
  query?: Record<string, string | number | boolean | null | undefined>
  idempotencyKey?: string
  /** Let the request finish although the page is being left. */
  keepalive?: boolean
}

export interface HttpHooks {
  csrfToken: () => string | null
  onExpired: () => void
  /** Told the server's clock with every answer, in milliseconds of the epoch. */
  onServerTime: (milliseconds: number) => void
}

export type Requester = <T>(method: string, path: string, options?: RequestOptions) => Promise<T>

/** Makes the one function through which every request of the page goes. */
export function createRequester(hooks: HttpHooks, fetcher: typeof fetch = fetch.bind(globalThis)): Requester {
  return async <T>(method: string, path: string, options: RequestOptions = {}): Promise<T> => {
    let response: Response
    try {
      response = await fetcher(address(path, options.query), {
        method,
        headers: headers(method, options, hooks.csrfToken()),
        body: options.body === undefined ? null : JSON.stringify(options.body),
        credentials: 'same-origin',
        keepalive: options.keepalive ?? false,
        signal: AbortSignal.timeout(DEADLINE_MS),
      })
    } catch (cause) {
      throw new NoAnswer(cause)
    }
    const date = Date.parse(response.headers.get('Date') ?? '')
    if (!Number.isNaN(date)) hooks.onServerTime(date)
    if (response.ok) return (response.status === 204 ? undefined : await json(response)) as T
    if (response.status === 401 && path !== '/session') hooks.onExpired()
    throw await problemOf(response)
  }
}

function address(path: string, query: RequestOptions['query']): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== '') search.set(name, String(value))
  }
  return `/api/v1${path}${search.size > 0 ? `?${search}` : ''}`
}

function headers(method: string, options: RequestOptions, csrf: string | null): Headers {
  const made = new Headers({ Accept: 'application/json' })
  if (options.body !== undefined) made.set('Content-Type', 'application/json')
  if (options.idempotencyKey !== undefined) made.set('Idempotency-Key', options.idempotencyKey)
  if (method !== 'GET' && csrf !== null) made.set('X-CSRF-Token', csrf)
  return made
}

async function json(response: Response): Promise<unknown> {
  try {
    return await response.json()
  } catch (cause) {
    throw new NoAnswer(cause)
  }
}

async function problemOf(response: Response): Promise<ApiProblem> {
  let problem: Problem = { type: 'about:blank', status: response.status }
  try {
    problem = { ...problem, ...((await response.json()) as Partial<Problem>) }
  } catch {
    // A proxy's own error page: the status alone must do.
  }
  const header = Number(response.headers.get('Retry-After') ?? Number.NaN)
  return new ApiProblem(response.status, problem, Number.isNaN(header) ? (problem.retry_after ?? null) : header)
}
