import type { Casefile } from './types'

/** What a form is about: the ticket, and the number of the assignment it concerns, if any. */
export interface Subject {
  ticket: Casefile
  n: number | null
}

export type FieldKind = 'text' | 'line' | 'choice' | 'yesno' | 'unit' | 'units' | 'number' | 'moment' | 'check' | 'files' | 'category'
export type Value = string | string[] | number[] | boolean
export type Values = Record<string, Value>

/** One field of a form; its name is the name in the request. */
export interface Field {
  name: string
  kind: FieldKind
  options?: readonly string[]
  /** At least one character, choice or unit must be there. */
  required?: boolean
  /** Fewest and most: characters of a text, the value of a number. */
  least?: number
  most?: number | ((subject: Subject) => number)
  initial?: (subject: Subject) => Value
  shown?: (values: Values, subject: Subject) => boolean
}

/** One way of sending a form: most have one, a decision has two. */
export interface Verdict {
  name: string
  /** What it says beyond the fields. */
  adds?: Record<string, unknown>
  /** Fields that this way needs, and leaves out when they are empty in any other. */
  needs?: readonly string[]
  look?: 'primary' | 'danger' | 'plain'
}

/** A problem found on this page: the message is a key, so it follows the language. */
export interface FieldTrouble {
  field: string
  key: string
  params: Record<string, number>
}

export const LONGEST = 2000

/** Characters as a reader counts them. */
const length = (text: string) => [...text.trim()].length

export function emptyValue(kind: FieldKind): Value {
  if (kind === 'units' || kind === 'files') return []
  return kind === 'check' ? false : ''
}

export function valuesOf(fields: readonly Field[], subject: Subject): Values {
  return Object.fromEntries(fields.map((field) => [field.name, field.initial?.(subject) ?? emptyValue(field.kind)]))
}

export function shownFields(fields: readonly Field[], values: Values, subject: Subject): Field[] {
  return fields.filter(({ shown }) => shown?.(values, subject) ?? true)
}

export function mostOf(field: Field, subject: Subject): number {
  return typeof field.most === 'function' ? field.most(subject) : (field.most ?? LONGEST)
}

const isEmpty = (value: Value | undefined) => value === undefined || value === '' || (Array.isArray(value) && value.length === 0)

function troubleOf(field: Field, value: Value | undefined, needed: boolean, most: number): FieldTrouble | null {
  const { name, kind } = field
  const text = typeof value === 'string' ? value : ''
  if (isEmpty(value) || (typeof value === 'string' && value.trim() === '')) {
    const picked = ['choice', 'yesno', 'unit', 'units', 'moment', 'category'].includes(kind)
    return needed ? { field: name, key: `form.problem.${picked ? 'choose' : 'required'}`, params: {} } : null
  }
  if (kind === 'number') {
    const number = Number(text)
    const least = field.least ?? 1
    return Number.isInteger(number) && number >= least && number <= most ? null : { field: name, key: 'act.problem.range', params: { least, most } }
  }
  if (kind !== 'text' && kind !== 'line') return null
  if (length(text) < (field.least ?? 0)) return { field: name, key: 'form.problem.short', params: { least: field.least ?? 0 } }
  return length(text) > most ? { field: name, key: 'form.problem.long', params: { most, over: length(text) - most } } : null
}

/** Every problem of what was typed, in the order of the form; empty when it can be sent this way. */
export function troublesOf(fields: readonly Field[], verdict: Verdict, values: Values, subject: Subject): FieldTrouble[] {
  return shownFields(fields, values, subject)
    .map((field) => troubleOf(field, values[field.name], field.required === true || (verdict.needs ?? []).includes(field.name), mostOf(field, subject)))
    .filter((trouble) => trouble !== null)
}

function sent(kind: FieldKind, value: Value): unknown {
  if (kind === 'number') return Number(value)
  if (kind === 'yesno') return value === 'yes'
  if (kind === 'moment') return new Date(String(value)).toISOString()
  return typeof value === 'string' ? value.trim() : value
}

/** The request: what is shown and filled, without `version`. */
export function bodyOf(fields: readonly Field[], verdict: Verdict, values: Values, subject: Subject): Record<string, unknown> {
  const body: Record<string, unknown> = { ...verdict.adds }
  for (const { name, kind } of shownFields(fields, values, subject)) {
    const value = values[name]
    if (value !== undefined && (!isEmpty(value) || kind === 'units' || kind === 'files')) body[name] = sent(kind, value)
  }
  return body
}

/** The same without what stands so in the ticket already. */
export function changedOf(fields: readonly Field[], body: Record<string, unknown>, subject: Subject): Record<string, unknown> {
  const stands = (name: string) => fields.find((field) => field.name === name)?.initial?.(subject)
  return Object.fromEntries(Object.entries(body).filter(([name, value]) => value !== stands(name)))
}

/** The field that a server's pointer means; "" when this form has none such. */
export function fieldAt(pointer: string, fields: readonly Field[]): string {
  const [first = ''] = pointer.replace(/^#?\//, '').split('/')
  return fields.some(({ name }) => name === first) ? first : ''
}
