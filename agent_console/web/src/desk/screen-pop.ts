import { computed, watch } from 'vue'
import { useRouter } from 'vue-router'

import { useCall } from '@/stores/call'
import { useDrafts } from '@/stores/drafts'
import { useInbox } from '@/stores/inbox'

/**
 * Brings the call to the work area: when it rings, unless something half typed lies there; when it
 * is answered, in any case. What was typed is kept and one key away.
 */
export function useScreenPop(): void {
  const call = useCall()
  const drafts = useDrafts()
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
      if (id !== null && (call.phase === 'talking' || !drafts.anyTyped())) bring(id)
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
