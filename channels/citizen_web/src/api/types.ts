/** What the server says, as `crm_bridge/citizen_pages/views.py` has it. */

export type MatterType = 'inquiry' | 'help' | 'complaint' | 'report' | 'suggestion' | 'praise'
export type Stage = 'registered' | 'in_hand' | 'answered' | 'closed' | 'stopped'
export type Purpose = 'report' | 'progress' | 'code' | 'upload' | 'call'

export interface PageView {
  city_zh: string
  city_en: string
  hotline: string
  limits: Record<MatterType, string>
  files: number
  file_bytes: number
  part_bytes: number
  letters: boolean
  one_touch: boolean
}

export interface Proof {
  challenge: string
  nonce: string
}

export interface ChallengeView {
  challenge: string
  bits: number
  expires_at: string
}

export interface CodeView {
  expires_at: string
  again_at: string
}

export interface PhonePassView {
  phone_pass: string
  expires_at: string
}

export interface UploadView {
  upload: string
  size: number
  received: number
  taken: boolean
}

export interface FiledView {
  number: string
  query_code: string | null
  ticket_pass: string
}

export interface StepView {
  at: string
  stage: Stage
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

export interface MatterView {
  number: string
  type: MatterType
  title: string
  stage: Stage
  stage_zh: string
  stage_en: string
  registered_at: string
  changed_at: string
  steps: StepView[]
  answer: string | null
  files: AnswerFile[]
  unit_zh: string | null
  unit_en: string | null
  due_at: string | null
  rating: number | null
  can_rate: boolean
  ticket_pass: string
}
