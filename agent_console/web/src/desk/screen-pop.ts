import { computed, watch } from 'vue'
import { useRouter } from 'vue-router'

import { useCall } from '@/stores/call'
import { useInbox } from '@/stores/inbox'

import { isTyping } from './keys'

/**
 * Brings the call to the work area: when it rings, unless the agent is typing just then; when it is
 * answered, in any case. What was typed is kept and one key away.
 */
export function useScreenPop(): void {
  const call = useCall()
  const inbox = useInbox()
  const router = useRouter()

  const bring = (id: number) => {
    const here = router.currentRoute.value
    if (here.name === 'call' && Number(here.params.id) === id) return
    inbox.show('calls')
    void router.push({ name: 'call', params: { id } })
  }

  /** The call to show. After a hang-up the server's record lags behind the line: that is no new call. */
  const live = computed(() => (call.elsewhere || !['idle', 'ending'].includes(call.phase) ? call.callId : null))

  watch(
    live,
    (id) => {
      if (id !== null && (call.phase === 'talking' || !isTyping(document.activeElement))) bring(id)
    },
    { immediate: true },
  )
  watch(
    () => call.phase,
    (phase) => {
      if (phase === 'talking' && call.callId !== null) bring(call.callId)
    },
  )
}
