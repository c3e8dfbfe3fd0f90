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
    if (known?.touched === true) return known
    // Nothing was written yet: it begins with the ticket as it stands.
    forms.set(key, {
      values: valuesOf(actionOf(name).fields, subject),
      uploads: [],
      version: subject.ticket.version,
      seen: lastSeq(subject),
      touched: false,
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

  /** Whether something was written that was not sent yet. */
  const touched = (name: ActionName, subject: Subject) => forms.get(keyOf(name, subject))?.touched === true
  const unsent = () => [...forms.values()].some(({ touched }) => touched)

  return { forms, of, catchUp, drop, touched, unsent }
})
