/** The mini program's API as its server speaks it. Times are RFC 3339 strings. */

export type MatterType = 'inquiry' | 'help' | 'complaint' | 'report' | 'suggestion' | 'praise'
/** How far a ticket has come, in the few words that a citizen needs. */
export type Stage = 'registered' | 'in_hand' | 'answered' | 'closed' | 'stopped'

export interface SessionView {
  token: string
  expires_at: string
  /** Masked; null while WeChat has vouched for none. */
  phone: string | null
}

export interface Named {
  code: string
  name_zh: string
  name_en: string
}

export interface Category extends Named {
  parent: string | null
}

export interface Limits {
  title: number
  text: number
  address: number
  files: number
  megabytes: number
}

export interface FormView {
  city_zh: string
  city_en: string
  hotline: string
  types: Named[]
  categories: Category[]
  limits: Limits
  /** For `wx.requestSubscribeMessage`, three at most. */
  templates: string[]
}

export interface FileView {
  id: number
  name: string
  size: number
  type: string
}

export interface NewReport {
  type: MatterType
  text: string
  title: string
  address: string
  /** Degrees of GCJ-02, as `wx.chooseLocation` gives them. */
  latitude?: number
  longitude?: number
  name: string
  anonymous: boolean
  confidential: boolean
  attachments: number[]
}

export interface Matter {
  number: string
  title: string
  type: MatterType
  state: Stage
  state_zh: string
  state_en: string
  registered_at: string
  changed_at: string
  can_rate: boolean
}

export interface MatterPage {
  items: Matter[]
  next_cursor: string | null
}

export interface Step {
  at: string
  state: Stage
  text_zh: string
  text_en: string
}

/** A file that goes with the answer. */
export interface AnswerFile {
  name: string
  size: number
  type: string
  path: string
}

export interface WholeMatter extends Matter {
  text: string
  address: string
  /** The oldest first. */
  steps: Step[]
  answer: string | null
  files: AnswerFile[]
  unit_zh: string | null
  unit_en: string | null
  due_at: string | null
  rating: number | null
}

export interface NewRating {
  satisfied: number
  contacted?: number
  solved?: number
  reason?: string
}

export interface FieldProblem {
  pointer: string
  message_zh: string
  message_en: string
}

/** RFC 9457 problem details. */
export interface ProblemDetails {
  type: string
  status: number
  title_zh: string
  title_en: string
  detail_zh?: string
  detail_en?: string
  fields?: FieldProblem[]
}
