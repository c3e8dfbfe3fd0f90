import { reactive, ref, type Ref } from 'vue'

import { uniqueId } from '@/domain/random'

import { upload, type Refusal, type Upload } from './uploads'

/**
 * Files that are uploaded as soon as they are chosen.
 *
 * @param uploads what is on its way or here
 * @param refusal why a file is not taken; null when it is
 */
export function useUploading(uploads: Ref<Upload[]>, refusal: (file: File) => Refusal | null) {
  const refused = ref<Refusal[]>([])
  const files = new Map<string, File>()

  function take(list: Iterable<File> | null | undefined): void {
    refused.value = []
    const fresh: Upload[] = []
    for (const file of list ?? []) {
      const why = refusal(file)
      if (why === null) fresh.push(uploadOf(file))
      else refused.value.push(why)
    }
    // Once for all of them: what is given back to the owner is only seen here again a moment later.
    if (fresh.length > 0) uploads.value = [...uploads.value, ...fresh]
    for (const one of fresh) void send(one)
  }

  function uploadOf(file: File): Upload {
    const key = uniqueId()
    files.set(key, file)
    return reactive({ key, name: file.name, size: file.size, progress: 0, attachment: null, failure: null, abort: () => undefined })
  }

  async function send(one: Upload): Promise<void> {
    const file = files.get(one.key)
    if (file === undefined) return
    one.failure = null
    one.progress = 0
    try {
      one.attachment = await upload(file, (part) => (one.progress = part), (abort) => (one.abort = abort))
    } catch (failure) {
      one.failure = failure
    }
  }

  function remove(one: Upload): void {
    one.abort()
    files.delete(one.key)
    uploads.value = uploads.value.filter(({ key }) => key !== one.key)
  }

  return { refused, take, send, remove }
}
