import { computed, nextTick, ref, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'

import { api } from '@/api'
import { ApiProblem } from '@/api/http'
import type { FieldProblem, Ticket } from '@/api/types'
import { fieldOf, problemsOf, requestOf } from '@/domain/ticket-form'
import { useCalls } from '@/stores/calls'
import { type DraftDesk, useDrafts } from '@/stores/drafts'
import { useFigures } from '@/stores/figures'
import { useNotices } from '@/stores/notices'
import { usePreferences } from '@/stores/preferences'
import { useSession } from '@/stores/session'
import { useTickets } from '@/stores/tickets'

/** Checks and sends a form; says beside each field what is wrong, by our rules or by the server's. */
export function useTicketSubmit(
  desk: DraftDesk,
  origin: { callId: number | null; contactId: number | null },
  form: Readonly<Ref<HTMLFormElement | null>>,
  /** Where to go with the new ticket; without it, to its page. */
  goOn?: (ticket: Ticket) => void,
) {
  const { t } = useI18n()
  const router = useRouter()
  const calls = useCalls()
  const drafts = useDrafts()
  const figures = useFigures()
  const notices = useNotices()
  const preferences = usePreferences()
  const session = useSession()
  const tickets = useTickets()

  const busy = ref(false)
  const tried = ref(false)
  const failure = ref<unknown>(null)
  const refused = ref<FieldProblem[]>([])

  const own = computed(() => (tried.value ? problemsOf(desk.draft) : []))
  const message = (problem: FieldProblem) => (preferences.english ? problem.message_en : problem.message_zh)

  function problemAt(pointer: string): string | null {
    const found = own.value.find((problem) => problem.pointer === pointer)
    if (found !== undefined) return t(found.key, found.params)
    const told = refused.value.find((problem) => fieldOf(problem) === pointer)
    return told === undefined ? null : message(told)
  }

  /** What is wrong with the whole rather than with one field. */
  const general = computed(() => {
    const elsewhere = refused.value.filter((problem) => fieldOf(problem) === '').map(message)
    if (elsewhere.length > 0) return elsewhere.join(' ')
    const count = own.value.length + (own.value.length === 0 ? refused.value.length : 0)
    if (count > 0) return t('form.problems', { count })
    // What an ended session refused can be sent again once there is a new one.
    const over = failure.value instanceof ApiProblem && failure.value.status === 401 && session.phase === 'in'
    return failure.value === null || over ? '' : notices.sentence(failure.value)
  })

  async function showFirst(): Promise<void> {
    await nextTick()
    const field = form.value?.querySelector('.field.wrong')
    field?.querySelector<HTMLElement>('input, textarea')?.focus()
    field?.scrollIntoView({ block: 'nearest' })
    notices.say(general.value, true)
  }

  function made(ticket: Ticket): void {
    drafts.drop(desk.callId, desk.place)
    tickets.show(ticket)
    const words = t(ticket.closed_at ? 'form.made_closed' : 'form.made', { number: ticket.number })
    notices.tell(words)
    notices.say(words)
    void tickets.load()
    void calls.load()
    figures.lookSoon()
    if (goOn !== undefined) goOn(ticket)
    else void router.push({ name: 'ticket', params: { id: ticket.id } })
  }

  async function submit(): Promise<void> {
    if (busy.value) return
    tried.value = true
    failure.value = null
    refused.value = []
    if (own.value.length > 0) return showFirst()
    const body = requestOf(desk.draft, origin.callId, origin.contactId)
    busy.value = true
    try {
      made(await api.createTicket(body, desk.keys.for(body)))
    } catch (error) {
      failure.value = error
      if (error instanceof ApiProblem) refused.value = error.fields
      await showFirst()
    } finally {
      busy.value = false
    }
  }

  return { busy, problemAt, general, submit }
}
