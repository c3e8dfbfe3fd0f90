import { request } from '@/api/request'
import type { Page } from '@/api/types'

import type { Device, DeviceKey, Owner } from './types'

const LIMIT = 50

export const devices = {
  page: (cursor: string | null) => request<Page<Device>>('GET', '/one-touch/devices', { query: { cursor, limit: LIMIT } }),
  add: (owner: Owner, idempotencyKey: string) => request<DeviceKey>('POST', '/one-touch/devices', { body: owner, idempotencyKey }),
  renew: (id: number) => request<DeviceKey>('POST', `/one-touch/devices/${id}/key`),
  takeBack: (id: number) => request<undefined>('DELETE', `/one-touch/devices/${id}`),
}
