import { type Draft, newDraft, type Picture } from './draft'

const PLACE = 'draft'
const FOLDER = () => `${wx.env.USER_DATA_PATH}/draft`

/** A key that nobody else has. */
export function newKey(): Promise<string> {
  return new Promise((resolve) => {
    wx.getRandomValues({
      length: 16,
      success: ({ randomValues }) => {
        resolve([...new Uint8Array(randomValues)].map((byte) => byte.toString(16).padStart(2, '0')).join(''))
      },
      // Unique is all that it must be; nobody gains by guessing it.
      fail: () => { resolve(`${Date.now().toString(16)}${Math.random().toString(16).slice(2)}`) },
    })
  })
}

/** What was being written, also by an earlier start of the mini program; null when there is nothing. */
export function keptDraft(): Draft | null {
  const found = wx.getStorageSync<Draft | ''>(PLACE)
  return found === '' ? null : found
}

export async function draftToWrite(): Promise<Draft> {
  return keptDraft() ?? newDraft(await newKey())
}

export function keep(draft: Draft): void {
  wx.setStorageSync(PLACE, draft)
}

/**
 * Keeps a picture where it outlives this start of the mini program: WeChat empties its own place for it.
 *
 * What cannot be kept there is used from where it lies, as long as that lasts.
 */
export async function keptPicture(path: string, size: number, video: boolean): Promise<Picture> {
  const files = wx.getFileSystemManager()
  const key = await newKey()
  const kept = `${FOLDER()}/${key}${/\.\w+$/.exec(path)?.[0] ?? ''}`
  try {
    files.mkdirSync(FOLDER(), true)
  } catch {
    // It is there already.
  }
  try {
    files.copyFileSync(path, kept)
  } catch {
    return { key, path, size, video, id: null }
  }
  return { key, path: kept, size, video, id: null }
}

export function dropPicture({ path }: Picture): void {
  if (!path.startsWith(FOLDER())) return
  try {
    wx.getFileSystemManager().unlinkSync(path)
  } catch {
    // It is gone already.
  }
}

/** Nothing of it is left on this telephone. */
export function dropDraft(): void {
  keptDraft()?.pictures.forEach(dropPicture)
  wx.removeStorageSync(PLACE)
}
