import { computed, ref, watchEffect } from 'vue'

import { recall, remember } from '@/device/memory'
import { en } from '@/i18n/en'
import { zh } from '@/i18n/zh-CN'

export type Language = 'zh-CN' | 'en'

export const language = ref<Language>(recall<Language>('language') === 'en' ? 'en' : 'zh-CN')

/** All words in the language that was chosen: `w.home.heading` in a template. */
export const words = computed(() => (language.value === 'en' ? en : zh))

watchEffect(() => {
  document.documentElement.lang = language.value
})

export function changeLanguage(): void {
  language.value = language.value === 'en' ? 'zh-CN' : 'en'
  remember('language', language.value)
}

/** One of two texts that the server sends in both languages. */
export function either(chinese: string | null, english: string | null): string {
  return (language.value === 'en' ? english : chinese) ?? chinese ?? english ?? ''
}

/** A limit as the server writes it, e.g. `5wd`, in words. */
export function limitWords(limit: string): string {
  const found = /^(\d+)(wd|wh|d|h)$/.exec(limit)
  return found ? (words.value.limits[found[2] ?? '']?.(Number(found[1])) ?? '') : ''
}

/** A moment in the city's own time, whatever the telephone is set to. */
export function moment(text: string): string {
  const format = new Intl.DateTimeFormat(language.value, {
    timeZone: 'Asia/Shanghai',
    month: 'numeric',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hour12: false,
  })
  return format.format(new Date(text))
}
