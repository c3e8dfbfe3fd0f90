import { useI18n } from 'vue-i18n'

import { useNotices } from '@/stores/notices'
import { usePhone } from '@/stores/phone'
import { usePresence } from '@/stores/presence'
import { usePreferences } from '@/stores/preferences'
import { useSession } from '@/stores/session'

/** The agent's own changes of status, with all that must be in order first. */
export function useStatus(): { goOnline: () => Promise<void>; pause: (reason: string) => Promise<void> } {
  const { t } = useI18n()
  const notices = useNotices()
  const phone = usePhone()
  const presence = usePresence()
  const preferences = usePreferences()
  const session = useSession()

  async function change(to: 'online' | 'paused', reason?: string): Promise<void> {
    try {
      await presence.change(to, reason)
      const why = session.session?.pause_reasons.find((one) => one.code === reason)
      const named = preferences.english ? why?.en : why?.zh
      notices.say(t('status.changed', { state: named ?? t(`status.${to}`) }))
    } catch (error) {
      notices.complain(error)
    }
  }

  /** The browser asks for the microphone now, in the agent's own click, not while a citizen waits. */
  async function goOnline(): Promise<void> {
    if (phone.ours && !(await phone.checkMicrophone())) {
      notices.tell(t('status.microphone_first'), 'warning')
      return
    }
    if ('Notification' in window && Notification.permission === 'default') void Notification.requestPermission()
    await change('online')
  }

  return { goOnline, pause: (reason) => change('paused', reason) }
}
