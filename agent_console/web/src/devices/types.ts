import type { Instant } from '@/api/types'

/** A button at somebody's home. */
export interface Device {
  id: number
  /** How it calls itself: its number here, and the generation of its key. */
  device: string
  active: boolean
  name: string
  phone_masked: string
  address: string
  created_at: Instant
  seen_at: Instant | null
}

/** Shown to whoever sets the device up, and kept nowhere on the page. */
export interface DeviceKey {
  id: number
  device: string
  key: string
}

/** Whose device it is. */
export interface Owner {
  name: string
  phone: string
  address: string
  contact: string
  notes: string
  latitude: number | null
  longitude: number | null
}
