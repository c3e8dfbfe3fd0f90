import type { FieldProblem, ProblemDetails } from './types'

/** The server refused, and says why. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly details: Partial<ProblemDetails>,
    /** Seconds after which it may be tried again; 0 when the server names none. */
    readonly retryAfter: number,
  ) {
    super(`refused with ${status}`)
    this.name = 'Refused'
  }

  get fields(): FieldProblem[] {
    return this.details.fields ?? []
  }

  /** Whether nothing has come of it and the same may be tried again later. */
  get later(): boolean {
    return this.status === 429 || this.status >= 500
  }
}

/** The server was not reached, or its answer was lost: nobody can tell whether it has done what it was asked. */
export class Away extends Error {
  constructor() {
    super('the server is away')
    this.name = 'Away'
  }
}
