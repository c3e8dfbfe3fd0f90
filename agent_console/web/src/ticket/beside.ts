import { ref, watch, type Ref } from 'vue'

import { useNotices } from '@/stores/notices'

/**
 * What lies beside a ticket, e.g. notes from outside: read anew whenever something happens to the ticket.
 *
 * @param ticket The ticket on the screen.
 * @param load Reads what lies beside the ticket with this id.
 */
export function useBeside<T>(ticket: () => { id: number }, load: (id: number) => Promise<{ items: T[] }>): Ref<T[]> {
  const notices = useNotices()
  const found = ref([]) as Ref<T[]>

  watch(
    ticket,
    async ({ id }, before) => {
      if (id !== before?.id) found.value = []
      try {
        const { items } = await load(id)
        if (ticket().id === id) found.value = items
      } catch (error) {
        notices.complain(error)
      }
    },
    { immediate: true },
  )
  return found
}
