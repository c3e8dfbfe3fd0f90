import { createI18n } from 'vue-i18n'

import en from './en'
import zh from './zh-CN'

export type Language = 'zh-CN' | 'en'

/** Chinese first; English says the same in every place (tests/i18n.test.ts). */
export const i18n = createI18n({
  legacy: false,
  locale: 'zh-CN',
  fallbackLocale: 'zh-CN',
  // A word that the server invents later is shown as it is, not reported to the console.
  missingWarn: false,
  fallbackWarn: false,
  messages: { 'zh-CN': zh, en },
})
