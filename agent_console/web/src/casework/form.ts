import { computed, nextTick, ref, type Ref, watch } from 'vue'
import { useI18n } from 'vue-i18n'

import { ApiProblem } from '@/api/http'
import type { FieldProblem } from '@/api/types'
import { type Action, type ActionName, actionOf, allowed } from '@/casework/actions'
import { bodyOf, changedOf, fieldAt, shownFields, type Subject, troublesOf, type Verdict } from '@/casework/fields'
import { useCase } from '@/casework/stores/case'
import { useForms } from '@/casework/stores/forms'
import type { Casefile } from '@/casework/types'
import { useNotices } from '@/stores/notices'
import { usePreferences } from '@/stores/preferences'
import { useSession } from '@/stores/session'

/**
 * One form about a ticket: what is in it, what is wrong with it, what changed under it, and sending it.
 * What was typed stays whatever the server says.
 */
export function useActionForm(name: ActionName, subject: () => Subject, element: Readonly<Ref<HTMLElement | null>>, done: (ticket: Casefile) => void = () => undefined) {
  const { t } = useI18n()
  const file = useCase()
  const forms = useForms()
  const notices = useNotices()
  const preferences = usePreferences()
  const session = useSession()

  const action: Action = actionOf(name)
  const form = ref(forms.of(name, subject()))
  const busy = ref<string | null>(null)
  const tried = ref<Verdict | null>(null)
  const failure = ref<unknown>(null)
  const refused = ref<FieldProblem[]>([])

  const fields = computed(() => shownFields(action.fields, form.value.values, subject()))
  const own = computed(() => (tried.value === null ? [] : troublesOf(action.fields, tried.value, form.value.values, subject())))
  const message = (problem: FieldProblem) => (preferences.english ? problem.message_en : problem.message_zh)

  const news = computed(() => subject().ticket.events.filter(({ seq }) => seq > form.value.seen))
  /** What others did meanwhile; one's own deeds surprise nobody. */
  const changes = computed(() => news.value.filter(({ actor }) => actor !== session.user?.number))
  const possible = computed(() => {
    const { ticket, n } = subject()
    return allowed(ticket.actions).some((one) => one.name === name && (one.n === null || one.n === n))
  })

  function problemAt(field: string): string | null {
    const found = own.value.find((trouble) => trouble.field === field)
    if (found !== undefined) return t(found.key, found.params)
    const told = refused.value.find(({ pointer }) => fieldAt(pointer, fields.value) === field)
    return told === undefined ? null : message(told)
  }

  const fileTrouble = computed(() => {
    if (tried.value === null) return ''
    if (form.value.uploads.some((one) => one.failure !== null)) return t('act.file.broken')
    return form.value.uploads.some((one) => one.attachment === null) ? t('act.file.wait') : ''
  })

  /** What is wrong with the whole rather than with one field. */
  const general = computed(() => {
    const elsewhere = refused.value.filter(({ pointer }) => fieldAt(pointer, fields.value) === '').map(message)
    if (elsewhere.length > 0) return elsewhere.join(' ')
    if (own.value.length + refused.value.length > 0) return t('act.problems', { count: own.value.length + refused.value.length })
    if (fileTrouble.value !== '') return fileTrouble.value
    return failure.value === null || changes.value.length > 0 ? '' : notices.sentence(failure.value)
  })

  async function showFirst(): Promise<void> {
    await nextTick()
    const wrong = element.value?.querySelector('.field.wrong, [role=alert]')
    wrong?.querySelector<HTMLElement>('input, textarea')?.focus()
    wrong?.scrollIntoView({ block: 'nearest' })
    notices.say(general.value, true)
  }

  /** Nothing is left to be done with it. */
  function giveUp(): void {
    forms.drop(name, subject())
  }

  function goOn(): void {
    failure.value = null
    forms.catchUp(form.value, subject())
  }

  async function submit(verdict: Verdict): Promise<void> {
    if (busy.value !== null) return
    tried.value = verdict
    failure.value = null
    refused.value = []
    if (changes.value.length > 0 || own.value.length > 0 || fileTrouble.value !== '') return showFirst()
    if (news.value.length > 0) goOn()
    if ('attachments' in form.value.values) form.value.values.attachments = form.value.uploads.flatMap(({ attachment }) => (attachment === null ? [] : [attachment.id]))
    const about = subject()
    const whole = bodyOf(action.fields, verdict, form.value.values, about)
    const body = action.onlyChanged === true ? changedOf(action.fields, whole, about) : whole
    busy.value = verdict.name
    try {
      const ticket = await file.act(name, about.n, form.value.version, body, form.value.keys.for({ ...body, version: form.value.version }))
      forms.drop(name, about)
      const words = t(`act.${name}.done`)
      notices.tell(words)
      notices.say(words)
      done(ticket)
    } catch (error) {
      failure.value = error
      if (error instanceof ApiProblem) refused.value = error.fields
      // Somebody was quicker: what he did is shown, and what was typed here stays.
      if (error instanceof ApiProblem && error.status === 409) await file.overtaken(about.ticket.id)
      await showFirst()
    } finally {
      busy.value = null
    }
  }

  watch(() => [form.value.values, form.value.uploads], () => (form.value.touched = true), { deep: true })
  // Nothing was written yet: the form follows the ticket.
  watch(
    () => subject().ticket.version,
    () => {
      if (form.value.touched) return
      form.value = forms.of(name, subject())
    },
  )

  return { action, form, fields, busy, changes, possible, problemAt, general, submit, goOn, giveUp }
}
