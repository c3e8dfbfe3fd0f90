export type Language = 'zh' | 'en'

const ELDER = 'elder'

/** Chinese, unless WeChat speaks something else. */
export function language(): Language {
  return wx.getAppBaseInfo().language.startsWith('zh') ? 'zh' : 'en'
}

/** Larger type and fewer choices (适老化). */
export const isElder = () => wx.getStorageSync<boolean | ''>(ELDER) === true

export function setElder(on: boolean): void {
  wx.setStorageSync(ELDER, on)
}
