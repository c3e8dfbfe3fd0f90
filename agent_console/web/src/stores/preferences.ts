import { defineStore } from 'pinia'
import { computed, ref, watchEffect } from 'vue'

import { i18n, type Language } from '@/i18n'
import type { PageName } from '@/shell/pages'

export type Theme = 'light' | 'dark'

function remembered<T extends string>(key: string, allowed: readonly T[], otherwise: T): T {
  const value = localStorage.getItem(key)
  return allowed.find((one) => one === value) ?? otherwise
}

/** Language and light or dark; kept in the browser, applied to the whole page. */
export const usePreferences = defineStore('preferences', () => {
  const system: Theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'
  const language = ref<Language>(remembered('lianxin.language', ['zh-CN', 'en'], 'zh-CN'))
  const theme = ref<Theme>(remembered('lianxin.theme', ['light', 'dark'], system))
  /** Which page this is; its name stands in the window's title. */
  const page = ref<PageName>('console')
  const english = computed(() => language.value === 'en')

  watchEffect(() => {
    i18n.global.locale.value = language.value
    document.documentElement.lang = language.value
    const { t } = i18n.global
    document.title = page.value === 'console' ? t('app.title') : `${t(`page.${page.value}`)} · ${t('app.name')}`
  })
  watchEffect(() => document.documentElement.classList.toggle('dark', theme.value === 'dark'))

  function toggleLanguage(): void {
    language.value = english.value ? 'zh-CN' : 'en'
    localStorage.setItem('lianxin.language', language.value)
  }

  function toggleTheme(): void {
    theme.value = theme.value === 'dark' ? 'light' : 'dark'
    localStorage.setItem('lianxin.theme', theme.value)
  }

  return { language, theme, page, english, toggleLanguage, toggleTheme }
})
