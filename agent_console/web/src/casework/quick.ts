import { ref } from 'vue'
import { useI18n } from 'vue-i18n'

import { ApiProblem } from '@/api/http'
import type { ActionName } from '@/casework/actions'
import { useCase } from '@/casework/stores/case'
import type { Casefile } from '@/casework/types'
import { uniqueId } from '@/domain/random'
import { useNotices } from '@/stores/notices'

/** Does what needs no form, with one press. */
export function useQuickAct() {
  const { t } = useI18n()
  const file = useCase()
  const notices = useNotices()
  const busy = ref(false)

  async function act(name: ActionName, ticket: Casefile, n: number | null, body: Record<string, unknown> = {}): Promise<void> {
    if (busy.value) return
    busy.value = true
    try {
      await file.act(name, n, ticket.version, body, uniqueId())
      notices.tell(t(`act.${name}.done`))
      notices.say(t(`act.${name}.done`))
    } catch (error) {
      notices.complain(error)
      if (error instanceof ApiProblem && error.status === 409) await file.overtaken(ticket.id)
    } finally {
      busy.value = false
    }
  }

  return { busy, act }
}
