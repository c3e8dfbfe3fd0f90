import { useI18n } from 'vue-i18n'

import { usePreferences } from '@/stores/preferences'

interface Told {
  error?: string | null
  error_zh: string
  error_en: string
  error_code: string
}

/** What channels and their errors are called. */
export function useChannelWords() {
  const { t, te } = useI18n()
  const preferences = usePreferences()

  /** A channel that nobody has named is called as the settings call it. */
  function channelName(name: string): string {
    const key = `channel.${name}`
    return te(key) ? t(key) : name
  }

  /** Why something did not go out; the provider’s own code helps who asks the provider. */
  function why(told: Told): string {
    const said = (preferences.english ? told.error_en : told.error_zh) || told.error || ''
    return told.error_code ? `${said} (${told.error_code})` : said
  }

  return { channelName, why }
}
