import { defineStore } from 'pinia'
import { markRaw, reactive } from 'vue'

import { type ActionName, actionOf } from '@/casework/actions'
import { type Subject, type Values, valuesOf } from '@/casework/fields'
import type { Upload } from '@/casework/uploads'
import { IdempotencyKeys } from '@/domain/random'

/** What a person is writing about a ticket, with the state of the ticket that he had before him. */
export interface Form {
  values: Values
  uploads: Upload[]
  /** The version that he looked at; it goes with the request, so that nothing is overwritten unseen. */
  version: number
  /** The last event that he had seen. */
  seen: number
  touched: boolean
  /** The person has put it away; what he wrote is still there when he comes back to it. */
  away: boolean
  keys: Pick<IdempotencyKeys, 'for'>
}

const lastSeq = (subject: Subject) => Math.max(0, ...subject.ticket.events.map(({ seq }) => seq))

/** What is being written, by ticket and action. It outlives the drawer it was written in, but not the page. */
export const useForms = defineStore('forms', () => {
  const forms = reactive(new Map<string, Form>())
  const keyOf = (name: ActionName, { ticket, n }: Subject) => `${ticket.id}:${name}:${n ?? ''}`

  function of(name: ActionName, subject: Subject): Form {
    const key = keyOf(name, subject)
    const known = forms.get(key)
    if (known?.touched === true) {
      known.away = false
      return known
    }
    // Nothing was written yet: it begins with the ticket as it stands.
    forms.set(key, {
      values: valuesOf(actionOf(name).fields, subject),
      uploads: [],
      version: subject.ticket.version,
      seen: lastSeq(subject),
      touched: false,
      away: false,
      keys: markRaw(new IdempotencyKeys()),
    })
    return forms.get(key) as Form
  }

  /** The person has looked at what changed and goes on with what he wrote. */
  function catchUp(form: Form, subject: Subject): void {
    form.version = subject.ticket.version
    form.seen = lastSeq(subject)
  }

  function drop(name: ActionName, subject: Subject): void {
    forms.delete(keyOf(name, subject))
  }

  function putAway(name: ActionName, subject: Subject): void {
    const form = forms.get(keyOf(name, subject))
    if (form !== undefined) form.away = true
  }

  const isOpen = (form: Form | undefined) => form?.touched === true && !form.away
  /** Whether something was written that was neither sent nor put away. */
  const touched = (name: ActionName, subject: Subject) => isOpen(forms.get(keyOf(name, subject)))
  const unsent = () => [...forms.values()].some(isOpen)

  /** What was being written about a ticket, although it may no longer be possible. */
  function begun(ticketId: number): { name: ActionName; n: number | null }[] {
    return [...forms].flatMap(([key, form]) => {
      const [id, name, n] = key.split(':')
      return Number(id) === ticketId && isOpen(form) ? [{ name: name as ActionName, n: n === '' ? null : Number(n) }] : []
    })
  }

  return { forms, of, catchUp, drop, putAway, touched, unsent, begun }
})
