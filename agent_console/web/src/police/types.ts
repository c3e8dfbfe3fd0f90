/** 110's part of a call. */
export interface Third {
  id: string
  pbx: string
  linkedid: string
  state: 'calling' | 'joined' | 'alone' | 'without_citizen' | 'left' | 'failed'
  reason: string
}

export interface Custody {
  at: string
  step: string
  holder: 'hotline' | 'police' | 'both'
  who: string
  note: string
}

export interface PoliceMessage {
  kind: string
  state: 'waiting' | 'taken' | 'given_up'
  attempts: number
  error: string
}

export interface Handover {
  id: number
  direction: 'inbound' | 'outbound'
  state: 'offered' | 'received' | 'accepted' | 'refused' | 'finished'
  holder: 'hotline' | 'police' | 'both'
  ticket_id: number | null
  pbx: string | null
  linkedid: string | null
  emergency: boolean
  remote_number: string
  undelivered: boolean
  messages: PoliceMessage[]
  custody: Custody[]
}

export interface HandedOver {
  handover: Handover
  third: Third | null
  ring_problem: string | null
}

export interface PoliceNews {
  handover_id: number
  ticket_id: number | null
}
