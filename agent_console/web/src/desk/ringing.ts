import { onUnmounted, watch } from 'vue'
import { useI18n } from 'vue-i18n'

import { RingTone } from '@/phone/ringtone'
import { useCall } from '@/stores/call'
import { useNotices } from '@/stores/notices'

const FLASH_MS = 1000

/** Makes a ringing call heard, seen in the tab's title, and announced. Only the tab with the telephone rings. */
export function useRinging(): void {
  const { t } = useI18n()
  const call = useCall()
  const notices = useNotices()
  const tone = new RingTone()
  let flash: ReturnType<typeof setInterval> | undefined
  let card: Notification | null = null

  const caller = () => call.caller ?? t('call.unknown_caller')

  function start(): void {
    tone.start()
    notices.say(t('call.ring_said', { caller: caller() }), true)
    let shown = false
    flash = setInterval(() => {
      shown = !shown
      document.title = shown ? t('call.ring_title', { caller: caller() }) : t('app.title')
    }, FLASH_MS)
    if (document.hidden && 'Notification' in window && Notification.permission === 'granted') {
      card = new Notification(t('call.ring_title', { caller: caller() }), { tag: 'lianxin.call' })
      card.onclick = () => window.focus()
    }
  }

  function stop(): void {
    tone.stop()
    clearInterval(flash)
    document.title = t('app.title')
    card?.close()
    card = null
  }

  watch(
    () => call.phase,
    (phase, before) => {
      if (phase === 'ringing') start()
      else if (before === 'ringing') stop()
      if (phase === 'talking') notices.say(t('call.answered_said'))
      if (phase === 'idle' && before !== 'ringing') notices.say(t('call.ended_said'))
    },
  )
  // The record of earlier calls comes a moment after the ring.
  watch(
    () => call.phase === 'ringing' && call.previous,
    (earlier) => {
      if (earlier) notices.say(t('call.times', { count: earlier + 1 }))
    },
  )
  onUnmounted(stop)
}
