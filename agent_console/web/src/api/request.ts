import { createRequester, type HttpHooks } from './http'

/** Set once by the session store, which owns the token and the login overlay. */
export const hooks: HttpHooks = { csrfToken: () => null, onExpired: () => undefined, onServerTime: () => undefined }

/** Asks this server's API; raises ApiProblem when it refuses and NoAnswer when it is silent. */
export const request = createRequester({
  csrfToken: () => hooks.csrfToken(),
  onExpired: () => hooks.onExpired(),
  onServerTime: (milliseconds) => hooks.onServerTime(milliseconds),
})
