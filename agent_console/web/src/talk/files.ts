import { ENDINGS, refusalOf, type Refusal } from '@/casework/uploads'

import type { Talk } from './types'

const TYPES: Record<(typeof ENDINGS)[number], string> = {
  jpg: 'image/jpeg', jpeg: 'image/jpeg', png: 'image/png', gif: 'image/gif', webp: 'image/webp', pdf: 'application/pdf',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', mp4: 'video/mp4', mp3: 'audio/mpeg',
}

type Limits = Pick<Talk, 'file_limits' | 'files_by_link'>

/** Where a file goes whose way is not known yet: every kind that is taken at all. */
export const ANY_WAY: Limits = { file_limits: {}, files_by_link: true }

/** Whether anything but words can be sent to this citizen. */
export const takesFiles = (talk: Limits): boolean => talk.files_by_link || Object.keys(talk.file_limits).length > 0

/** The endings of the files that can be sent, for the browser's own choice of files. */
export function acceptedBy(talk: Limits): string {
  return ENDINGS.filter((ending) => talk.files_by_link || TYPES[ending] in talk.file_limits).map((ending) => `.${ending}`).join(',')
}

/** Why a file cannot be sent to this citizen; null when it may be. The server looks at its bytes once more. */
export function refusedBy(talk: Limits, file: { name: string; size: number }): Refusal | null {
  const refused = refusalOf(file)
  if (refused !== null || talk.files_by_link) return refused && { ...refused, key: refused.key.replace('act.file', 'talk.file') }
  const most = talk.file_limits[TYPES[endingOf(file.name)]]
  if (most === undefined) return { key: 'talk.file.not_carried', params: { kinds: kindsOf(talk) } }
  return file.size <= most ? null : { key: 'talk.file.large', params: { name: file.name, most: Math.floor(most / 1024 / 1024) } }
}

/** Whether a file does not go over the channel itself. */
export const goesAsLink = (talk: Pick<Talk, 'file_limits'>, file: { type: string; size: number }): boolean =>
  file.size > (talk.file_limits[file.type] ?? -1)

const endingOf = (name: string) => name.slice(name.lastIndexOf('.') + 1).toLowerCase() as (typeof ENDINGS)[number]
const kindsOf = (talk: Limits) => ENDINGS.filter((ending) => ending !== 'jpeg' && TYPES[ending] in talk.file_limits).join('、')
