import { request } from '@/api/request'

/** What is known beside a call at one touch. */
export interface OneTouch {
  kind: 'page' | 'device'
  ticket_id: number | null
  ticket_number: string | null
  address: string
  latitude: number | null
  longitude: number | null
  owner: { device_id: number; name: string; phone_masked: string; address: string; contact: string; notes: string } | null
}

export const besideCall = (id: number) => request<{ one_touch: OneTouch | null }>('GET', `/calls/${id}/one-touch`)
