import { Away, Refused } from './problems'
import { ask } from './request'
import type { SessionView } from './types'

const PLACE = 'session'
/** A token that ends this soon is not begun with. */
const MARGIN_MS = 60_000

function codeOfWeChat(): Promise<string> {
  return new Promise((resolve, reject) => {
    wx.login({ success: ({ code }) => { resolve(code) }, fail: () => { reject(new Away()) } })
  })
}

let logging: Promise<SessionView> | null = null

function remembered(): SessionView | null {
  const found = wx.getStorageSync<SessionView | ''>(PLACE)
  return found !== '' && Date.parse(found.expires_at) - MARGIN_MS > Date.now() ? found : null
}

async function logIn(): Promise<SessionView> {
  const session = await ask<SessionView>('POST', 'sessions', { body: { code: await codeOfWeChat() } })
  wx.setStorageSync(PLACE, session)
  return session
}

/** The login, made anew where there is none; who asks at the same moment waits for the same one. */
export function session(): Promise<SessionView> {
  const known = remembered()
  if (known !== null) return Promise.resolve(known)
  logging ??= logIn().finally(() => (logging = null))
  return logging
}

/** Forgets a login that the server does not know any more; a younger one stays. */
function forget(token: string): void {
  if (remembered()?.token === token) wx.removeStorageSync(PLACE)
}

/** WeChat has vouched for the person's number. */
export function keepPhone(phone: string): void {
  const known = remembered()
  if (known !== null) wx.setStorageSync(PLACE, { ...known, phone })
}

/**
 * Does something as the person who holds this telephone. A login that has ended is made anew, once.
 *
 * @throws Refused the server said no; Away it was not reached.
 */
export async function asMyself<T>(deed: (token: string) => Promise<T>): Promise<T> {
  const { token } = await session()
  try {
    return await deed(token)
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 401) throw error
    forget(token)
    return deed((await session()).token)
  }
}

/** Logs out and forgets what this telephone knew of the login. */
export async function logOut(): Promise<void> {
  const known = remembered()
  wx.removeStorageSync(PLACE)
  if (known !== null) await ask('DELETE', 'sessions/current', { token: known.token })
}
