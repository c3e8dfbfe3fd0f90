import { reactive, watch } from 'vue'

import type { MatterType } from '@/api/types'
import { dropFile } from '@/device/blobs'
import { forget, recall, remember } from '@/device/memory'

export type Kind = 'matter' | 'letter'

export interface Spot {
  latitude: number
  longitude: number
  metres: number
}

/** A file of a draft; its bytes lie in the browser's database under `id`. */
export interface DraftFile {
  id: string
  name: string
  kind: 'photo' | 'video' | 'file'
  size: number
  /** What the server knows it by, once it was begun. */
  upload: string
  received: number
  taken: boolean
  /** Why it is not taken, in the server's words. */
  refused: string
}

export interface Draft {
  /** The same however often it is sent: the server takes it once. */
  key: string
  kind: Kind
  /** Once it is being sent nothing is changed any more: it may have arrived already. */
  state: 'editing' | 'sending'
  /** Whether a request with all of it has left the telephone. */
  maybeThere: boolean
  type: MatterType | ''
  title: string
  text: string
  address: string
  spot: Spot | null
  files: DraftFile[]
  anonymous: boolean | null
  name: string
  phone: string
  phonePass: string
  phonePassUntil: string
  mail: string
  confidential: boolean
  callMeNot: boolean
}

export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

function blank(kind: Kind): Draft {
  return {
    key: newKey(),
    kind,
    state: 'editing',
    maybeThere: false,
    type: '',
    title: '',
    text: '',
    address: '',
    spot: null,
    files: [],
    anonymous: null,
    name: '',
    phone: '',
    phonePass: '',
    phonePassUntil: '',
    mail: '',
    confidential: false,
    callMeNot: false,
  }
}

function load(kind: Kind): Draft {
  const kept = recall<Draft>(`draft.${kind}`)
  // A draft of another version of the page may lack what this one needs.
  return kept?.key ? { ...blank(kind), ...kept } : blank(kind)
}

export const drafts = reactive<Record<Kind, Draft>>({ matter: load('matter'), letter: load('letter') })

export function isBegun(draft: Draft): boolean {
  return Boolean(draft.text.trim() || draft.title.trim() || draft.address.trim() || draft.spot || draft.files.length)
}

for (const kind of ['matter', 'letter'] as const) {
  watch(
    () => drafts[kind],
    (draft) => {
      // With every key that is pressed: a telephone may end a page without a word.
      if (isBegun(draft) || draft.state === 'sending') remember(`draft.${kind}`, draft)
      else forget(`draft.${kind}`)
    },
    { deep: true, flush: 'sync' },
  )
}

/** Write something into a draft. */
export function change(kind: Kind, written: Partial<Draft>): void {
  Object.assign(drafts[kind], written)
}

export function addFile(kind: Kind, file: DraftFile): void {
  drafts[kind].files.push(file)
}

export async function removeFile(kind: Kind, { id }: DraftFile): Promise<void> {
  drafts[kind].files = drafts[kind].files.filter((file) => file.id !== id)
  await dropFile(id)
}

/** Begin anew: what was written is gone, with its files. */
export async function discard(kind: Kind): Promise<void> {
  const { files } = drafts[kind]
  drafts[kind] = blank(kind)
  await Promise.all(files.map(({ id }) => dropFile(id)))
}

addEventListener('storage', ({ key }) => {
  // Another tab has written on, or has sent it: this one shows the same.
  for (const kind of ['matter', 'letter'] as const) {
    if (key?.endsWith(`.draft.${kind}`)) drafts[kind] = load(kind)
  }
})
