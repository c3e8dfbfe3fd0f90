import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'

import { uniqueId } from '@/domain/random'
import { ApiProblem } from '@/api/http'
import { i18n } from '@/i18n'
import { useCall } from '@/stores/call'
import { useDrafts } from '@/stores/drafts'
import { useNotices } from '@/stores/notices'
import { useSession } from '@/stores/session'

import { policeApi } from './api'
import type { Handover, PoliceNews, Third } from './types'

const OVER = new Set(['left', 'failed'])

/** What goes on between this agent and 110: the call of three, and the matter that was handed over with it. */
export const usePolice = defineStore('police', () => {
  const session = useSession()
  const call = useCall()
  const drafts = useDrafts()
  const notices = useNotices()

  const third = ref<Third | null>(null)
  const handover = ref<Handover | null>(null)
  const busy = ref(false)
  let press = { linkedid: '', key: '' }
  const early = new Set<number>()

  const enabled = computed(() => session.session?.features.police === true)
  const allowed = computed(() => enabled.value && session.can('police.hand_over'))
  /** The call that the telephone has, also when the citizen has gone and no record shows it as going on. */
  const linkedid = ref('')
  const mine = computed(() => (third.value?.linkedid === linkedid.value ? third.value : null))
  const can = computed(() => allowed.value && call.phase === 'talking' && call.current !== null && mine.value === null && !busy.value)

  /** One key: the caller's number and what was typed go to 110 at once, and 110 is rung into the call. */
  async function handOver(ring: boolean): Promise<void> {
    const now = call.current
    if (!can.value || now === null) return
    busy.value = true
    // The same press of one call is sent again under the same key; after an answer it is another press.
    if (press.linkedid !== now.linkedid) press = { linkedid: now.linkedid, key: uniqueId() }
    const { draft } = drafts.of(call.callId)
    try {
      const done = await policeApi.handOver(
        {
          call: { ...(now.pbx && { pbx: now.pbx }), linkedid: now.linkedid, title: draft.title, text: draft.text, address: draft.address },
          emergency: true,
          ring,
        },
        press.key,
      )
      press = { linkedid: '', key: '' }
      handover.value = done.handover
      // News may have overtaken the answer, and there was nothing yet that it could have been about.
      if (early.has(done.handover.id)) await look()
      if (done.third !== null) takeThird(done.third)
      const { t } = i18n.global
      if (done.ring_problem !== null) notices.tell(t('police.not_rung'), 'warning')
      notices.say(t(ring ? 'police.said_ring' : 'police.said_data'), true)
    } catch (error) {
      notices.complain(error)
    } finally {
      busy.value = false
    }
  }

  async function dismiss(): Promise<void> {
    if (mine.value === null) return
    try {
      await policeApi.dismiss(mine.value.id)
    } catch (error) {
      notices.complain(error)
    }
  }

  /** A hint about 110's part of a call; told at once, and never older than what is shown of the same part. */
  function takeThird(told: Third): void {
    const { t } = i18n.global
    const known = third.value
    third.value = OVER.has(told.state) ? null : told
    if (told.state === known?.state) return
    if (told.state === 'joined') notices.say(t('police.state.joined'), true)
    if (told.state === 'without_citizen') {
      notices.tell(t('police.state.without_citizen'), 'warning')
      notices.say(t('police.state.without_citizen'), true)
    }
    if (told.state === 'failed') notices.tell(t('police.failed', { why: t(`police.reason.${told.reason || 'unreachable'}`) }), 'warning')
  }

  async function takeNews(told: PoliceNews): Promise<void> {
    if (handover.value?.id === told.handover_id) await look()
    else early.add(told.handover_id)
  }

  /** Reads how 110's part of the call stands: a hint of it may have been lost with the connection. */
  async function lookAtThird(): Promise<void> {
    const before = third.value
    if (before === null) return
    try {
      const found = await policeApi.third(before.linkedid)
      if (third.value === before) takeThird(found)
    } catch (error) {
      if (third.value === before && error instanceof ApiProblem && error.status === 404) third.value = null
    }
  }

  /** Reads how the matter stands; whatever was told of it meanwhile is in what is read. */
  async function look(): Promise<void> {
    const id = handover.value?.id
    if (id === undefined) return
    early.delete(id)
    try {
      const found = await policeApi.one(id)
      if (handover.value?.id === id) handover.value = found
    } catch {
      // The next news, or the next connection, is another reason to look.
    }
  }

  watch([() => call.current?.linkedid, () => call.phase], ([now, phase]) => {
    if (now !== undefined) linkedid.value = now
    else if (phase === 'idle') linkedid.value = ''
  }, { immediate: true, flush: 'sync' })

  return { linkedid, third: mine, handover, busy, allowed, enabled, can, handOver, dismiss, takeThird, takeNews, look, lookAtThird }
})
