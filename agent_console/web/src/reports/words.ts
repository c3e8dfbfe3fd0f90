import { useI18n } from 'vue-i18n'

import { usePreferences } from '@/stores/preferences'

import { useReports } from './store'
import type { Figure, Part, Row } from './types'

/** How figures and rows are called in the language of the screen. */
export function useReportWords() {
  const { t, te } = useI18n()
  const preferences = usePreferences()
  const reports = useReports()

  function figureName(figure: Figure): string {
    const one = reports.definitions[figure]
    return (preferences.english ? one?.name_en : one?.name_zh) ?? figure
  }

  function partWords(figure: Figure, part: Part): string {
    const one = reports.definitions[figure]
    if (one === undefined || part === 'excluded') return ''
    if (part === 'numerator') return preferences.english ? one.numerator_en : one.numerator_zh
    return preferences.english ? one.denominator_en : one.denominator_zh
  }

  function rowName(row: Row): string {
    const { type, agent } = row.key
    if (type !== undefined && te(`type.${type}`)) return t(`type.${type}`)
    if (agent === null) return t('reports.no_agent')
    return (preferences.english ? row.name_en : row.name_zh) || t('reports.total')
  }

  return { figureName, partWords, rowName }
}
