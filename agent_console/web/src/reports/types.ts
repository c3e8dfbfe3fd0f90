import type { TicketType } from '@/api/types'

export const SETS = {
  three: ['response', 'completion', 'satisfaction'],
  work: ['on_time', 'redo', 'returned', 'first_dispatch', 'resolution', 'valid_callback'],
  hotline: ['answer', 'service_level', 'direct_answer', 'forwarding', 'satisfaction_strict'],
} as const

export type FigureSet = keyof typeof SETS
export type Figure = (typeof SETS)[FigureSet][number]
export type Part = 'numerator' | 'denominator' | 'excluded'

/** What rows there are; calls and tickets have no unit, the service says so by an empty cell. */
export const GROUPS = ['unit', 'category', 'channel', 'type', 'agent', 'month', 'week', 'day'] as const
export type Group = (typeof GROUPS)[number]
export type Comparison = 'previous' | 'year'

export interface Ratio {
  numerator: number
  denominator: number
  shown: string
}

export interface Cell {
  raw: Ratio
  adjusted: Ratio
  excluded: { reason: string; approved_by: string; count: number }[]
  compared: { raw: Ratio; adjusted: Ratio; points: string | null; points_adjusted: string | null; growth: string | null } | null
}

export interface Row {
  key: Partial<Record<Group, string | null>>
  name_zh: string
  name_en: string
  rank: number | null
  cells: Partial<Record<Figure, Cell | null>>
}

export interface Cohort {
  first: string
  last: string
  as_of: string
}

export interface Table {
  cohort: Cohort
  compared: Cohort | null
  group: Group[]
  figures: Figure[]
  rows: Row[]
  total: Row
  /** For figures whose target is to be met over any 24 hours, the worst of them; null where there are no 24 hours yet. */
  worst_day: Partial<Record<Figure, { start: string; rate: Ratio; target: number; met: boolean } | null>>
  mean_of_units: Partial<Record<Figure, { raw: string; adjusted: string; units: number }>>
}

/** What became of a kind of matter after the month in which it was treated. */
export interface Topic {
  before: { tickets: number; months: number; mean: string }
  after: { tickets: number; months: number; mean: string }
  shown: string
  items: { month: string; tickets: number; counted: boolean }[]
}

export interface Definition {
  figure: Figure
  name_zh: string
  name_en: string
  numerator_zh: string
  numerator_en: string
  denominator_zh: string
  denominator_en: string
  lower_is_better: boolean
  excludable: boolean
}

/** A ticket, or a call, that a figure counted. */
export interface Member {
  id: number
  at: string | null
  ticket_id: number | null
  number: string | null
  title: string | null
  type: TicketType | null
  unit: string | null
  n: number | null
  agent: string | null
  due_at: string | null
  signed_at: string | null
  replied_at: string | null
  finished_at: string | null
  rating: number | null
  call_id: number | null
  answered_at: string | null
  reason: string | null
  approved_by: string | null
}

export interface Choice {
  set: FigureSet
  group: Group
  first: string
  last: string
  compare: Comparison | ''
  adjusted: boolean
  ranked: boolean
}

/** One number of the table: whose, which, and how many tickets it says there are. */
export interface Opened {
  figure: Figure
  part: Part
  row: Row
  count: number
  /** Without what is excluded, as the number that was opened. */
  adjusted: boolean
}
