/** WeChat as the mini program meets it, and the hotline behind it, in memory. */
import type { FormView, ProblemDetails } from '../miniprogram/api/types'

export interface Asked {
  method: string
  path: string
  body: unknown
  key: string | undefined
  token: string | undefined
}

interface Answer {
  status: number
  data: unknown
  header?: Record<string, string>
}

type Handler = (asked: Asked) => Answer

export const FORM: FormView = {
  city_zh: '临江市', city_en: 'Linjiang', hotline: '12345',
  types: [
    { code: 'help', name_zh: '求助', name_en: 'Help' },
    { code: 'complaint', name_zh: '投诉', name_en: 'Complaint' },
    { code: 'report', name_zh: '举报', name_en: 'Wrongdoing' },
  ],
  categories: [], limits: { title: 60, text: 4000, address: 200, files: 9, megabytes: 20 }, templates: ['progress', 'answer'],
}

export const ok = (data: unknown, status = 200): Answer => ({ status, data })
export const refused = (status: number, details: Partial<ProblemDetails> = {}, retryAfter?: number): Answer => ({
  status,
  data: { type: 'urn:lianxin:problem:invalid', status, title_zh: '填写有误', title_en: 'Invalid', ...details },
  ...(retryAfter === undefined ? {} : { header: { 'Retry-After': String(retryAfter) } }),
})

/** The hotline: what it answers, what it was asked, and whether it is reached at all. */
export class Hotline {
  readonly asked: Asked[] = []
  /** Its answer is lost on the way for this many requests, which it has all the same done. */
  deaf = 0
  away = false
  /** What downloads are answered, by their address. */
  readonly files = new Map<string, number>()
  private readonly handlers = new Map<string, Handler>()
  private logins = 0

  constructor() {
    this.on('GET form', () => ok(FORM))
    this.on('POST sessions', () => {
      this.logins += 1
      return ok({ token: `token-${this.logins}`, expires_at: new Date(Date.now() + 3_600_000).toISOString(), phone: null }, 201)
    })
  }

  on(route: string, handler: Handler): void {
    this.handlers.set(route, handler)
  }

  times(route: string): number {
    return this.to(route).length
  }

  to(route: string): Asked[] {
    return this.asked.filter(({ method, path }) => `${method} ${path.split('?')[0] ?? ''}` === route)
  }

  /** Null when nothing comes back. */
  answer(asked: Asked): Answer | null {
    if (this.away) return null
    this.asked.push(asked)
    const handler = this.handlers.get(`${asked.method} ${asked.path.split('?')[0] ?? ''}`)
    const answer = handler === undefined ? refused(404) : handler(asked)
    if (this.deaf === 0) return answer
    this.deaf -= 1
    return null
  }
}

/* What WeChat calls back with is of many kinds; the fake only passes it on. */
interface Call {
  url?: string
  method?: string
  data?: unknown
  header?: Record<string, string>
  filePath?: string
  success?: (result: never) => void
  fail?: (result: never) => void
}

let onTheWay = 0

function later(deed: () => void): void {
  onTheWay += 1
  setTimeout(() => {
    onTheWay -= 1
    deed()
  }, 0)
}

/** Returns when no page waits for WeChat any more: what a test leaves open must not go on without its document. */
export async function quiet(): Promise<void> {
  // An answer leads to the next question, and what a page shows of it comes a moment later.
  for (let still = 0; still < 3; still = onTheWay === 0 ? still + 1 : 0) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Puts a WeChat into the global scope whose telephone belongs to one citizen; returns what it was told to do. */
export function startWeChat(hotline: Hotline, language = 'zh_CN') {
  const storage = new Map<string, unknown>()
  const files = new Set<string>()
  const told = {
    storage, files, visited: [] as string[], subscribed: [] as string[], shown: [] as string[], scrolled: [] as object[], toasts: [] as string[], networkBack: [] as (() => void)[],
    location: { name: '', address: '江滨路 8 号', latitude: 31.5, longitude: 121.4 } as object | Error,
    media: [] as { tempFilePath: string; size: number; fileType: string }[],
    sure: true,
  }
  let logins = 0

  function answer(asked: Asked, { success, fail }: Call, uploaded = false): void {
    later(() => {
      const found = hotline.answer(asked)
      if (found === null) fail?.({ errMsg: 'request:fail' } as never)
      else success?.({ statusCode: found.status, data: uploaded ? JSON.stringify(found.data) : found.data, header: found.header ?? {} } as never)
    })
  }

  const bare = (url: string) => url.replace(/^.*\/api\/v1\/mini\//, '')
  const bearer = (header: Record<string, string> = {}) => header.Authorization?.replace('Bearer ', '')
  const shown = (...what: string[]) => {
    told.shown.push(what.join(' '))
    return Promise.resolve()
  }
  const visit = ({ url }: Call) => {
    told.visited.push(url ?? '')
    return Promise.resolve()
  }
  const fake = {
    env: { USER_DATA_PATH: 'wxfile://usr' },
    getAppBaseInfo: () => ({ language }),
    getStorageSync: (key: string) => structuredClone(storage.get(key) ?? ''),
    setStorageSync: (key: string, value: unknown) => { storage.set(key, structuredClone(value)) },
    removeStorageSync: (key: string) => { storage.delete(key) },
    login: ({ success }: Call) => { later(() => success?.({ code: `code-${logins += 1}` } as never)) },
    request: (call: Call) => {
      answer({ method: call.method ?? 'GET', path: bare(call.url ?? ''), body: call.data, key: call.header?.['Idempotency-Key'], token: bearer(call.header) }, call)
    },
    uploadFile: (call: Call) => {
      answer({ method: 'POST', path: bare(call.url ?? ''), body: call.filePath, key: undefined, token: bearer(call.header) }, call, true)
      return { onProgressUpdate: (hear: (news: { progress: number }) => void) => { hear({ progress: 50 }) } }
    },
    downloadFile: (call: Call) => {
      const found = hotline.files.get(call.url ?? '')
      later(() => {
        if (found === undefined) call.fail?.({ errMsg: 'downloadFile:fail' } as never)
        else call.success?.({ statusCode: found, tempFilePath: 'wxfile://tmp/1' } as never)
      })
    },
    openDocument: ({ filePath, fileType }: { filePath: string; fileType: string }) => shown('document', filePath, fileType),
    previewImage: ({ urls }: { urls: string[] }) => shown('image', ...urls),
    previewMedia: ({ sources }: { sources: { url: string; type: string }[] }) => shown('media', ...sources.map(({ url, type }) => `${type} ${url}`)),
    getRandomValues: ({ length, success }: Call & { length: number }) => {
      success?.({ randomValues: crypto.getRandomValues(new Uint8Array(length)).buffer } as never)
    },
    getFileSystemManager: () => ({
      mkdirSync: () => undefined,
      copyFileSync: (from: string, to: string) => {
        if (from.includes('lost')) throw new Error('copyFileSync:fail')
        files.add(to)
      },
      unlinkSync: (path: string) => files.delete(path),
    }),
    onNetworkStatusChange: (hear: (news: { isConnected: boolean }) => void) => { told.networkBack.push(() => { hear({ isConnected: true }) }) },
    setNavigationBarTitle: () => undefined,
    pageScrollTo: (to: object) => {
      told.scrolled.push(to)
      return Promise.resolve()
    },
    navigateTo: visit, redirectTo: visit, reLaunch: visit,
    stopPullDownRefresh: () => Promise.resolve(),
    showToast: ({ title }: { title: string }) => {
      told.toasts.push(title)
      return Promise.resolve()
    },
    showModal: () => Promise.resolve({ confirm: told.sure }),
    setClipboardData: ({ success }: Call) => success?.({} as never),
    makePhoneCall: () => undefined,
    chooseLocation: () => (told.location instanceof Error ? Promise.reject(Object.assign(told.location, { errMsg: told.location.message })) : Promise.resolve(told.location)),
    chooseMedia: () => (told.media.length === 0 ? Promise.reject(new Error('chooseMedia:fail cancel')) : Promise.resolve({ tempFiles: told.media })),
    requestSubscribeMessage: ({ tmplIds }: { tmplIds: string[] }) => {
      told.subscribed.push(...tmplIds)
      return Promise.resolve({})
    },
  }
  Object.assign(globalThis, { wx: fake })
  return told
}

/** Waits until something is so; says what was waited for when it never is. */
export async function eventually(what: () => boolean, turns = 1000): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) {
    if (what()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`never became so: ${what}`)
}
