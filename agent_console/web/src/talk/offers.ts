import { ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'

import { ApiProblem } from '@/api/http'
import { useInbox } from '@/stores/inbox'
import { useNotices } from '@/stores/notices'

import { useTalks } from './store'

const busy = ref(false)

/** What an agent does when he is asked about a conversation. */
export function useOffers() {
  const { t } = useI18n()
  const talks = useTalks()
  const inbox = useInbox()
  const notices = useNotices()
  const router = useRouter()

  async function act(work: () => Promise<void>): Promise<void> {
    if (busy.value) return
    busy.value = true
    try {
      await work()
    } catch (error) {
      // Too late is no fault of anybody's: another has it.
      if (error instanceof ApiProblem && error.status === 409) notices.tell(t('talk.offer_lapsed'), 'info')
      else notices.complain(error)
      void talks.load()
    } finally {
      busy.value = false
    }
  }

  const accept = (id: number) =>
    act(async () => {
      await talks.accept(id)
      inbox.show('talks')
      await router.push({ name: 'talk', params: { id } })
    })
  const decline = (id: number) =>
    act(async () => {
      await talks.decline(id)
      notices.say(t('talk.declined'))
    })
  const acceptFirst = () => {
    const [first] = talks.offers
    if (first !== undefined) void accept(first.id)
  }

  return { accept, decline, acceptFirst, busy }
}
