import { ElMessage } from 'element-plus'
import { defineStore } from 'pinia'
import { nextTick, ref } from 'vue'

import { ApiProblem, NoAnswer } from '@/api/http'
import { i18n } from '@/i18n'

import { usePreferences } from './preferences'

/** In pixels: the main button of a page is in the row at its foot, and nothing may lie over it. */
const ABOVE_THE_FOOT = 64

/** What is said to the agent: on the screen, and to a screen reader. */
export const useNotices = defineStore('notices', () => {
  const preferences = usePreferences()
  const polite = ref('')
  const urgent = ref('')

  /** One sentence for an error: what happened and what to do next. */
  function sentence(error: unknown): string {
    const { t } = i18n.global
    if (error instanceof NoAnswer) return t('error.no_answer')
    if (!(error instanceof ApiProblem)) return t('error.unknown')
    const { problem, status } = error
    if (status === 401) return t('error.expired')
    const title = preferences.english ? (problem.title_en ?? problem.title) : (problem.title_zh ?? problem.title)
    const detail = preferences.english ? (problem.detail_en ?? problem.detail) : problem.detail_zh
    if (status >= 500) return t('error.server', { title: title ?? String(status) })
    const said = [title, detail].filter((part) => part !== undefined && part !== '')
    return said.length > 0 ? said.join(preferences.english ? ': ' : '：') : t('error.unknown')
  }

  /** Read out when the reader is free, or at once. The same words twice are said twice. */
  function say(words: string, atOnce = false): void {
    const region = atOnce ? urgent : polite
    region.value = ''
    void nextTick(() => {
      region.value = words
    })
  }

  function tell(words: string, kind: 'success' | 'info' | 'warning' | 'error' = 'success'): void {
    ElMessage({ message: words, type: kind, grouping: true, placement: 'bottom', offset: ABOVE_THE_FOOT, showClose: kind === 'error', duration: kind === 'error' ? 8000 : 4000 })
  }

  function complain(error: unknown): void {
    tell(sentence(error), 'error')
  }

  return { polite, urgent, sentence, say, tell, complain }
})
