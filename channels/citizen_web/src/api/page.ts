import { ref } from 'vue'

import { ask } from '@/api/http'
import type { PageView } from '@/api/types'
import { recall, remember } from '@/device/memory'

/** What the city says of itself: as last heard, so that the pages open without a network. */
export const page = ref<PageView>(
  recall<PageView>('page') ?? {
    city_zh: '',
    city_en: '',
    hotline: '12345',
    limits: { inquiry: '1wd', help: '5wd', complaint: '10wd', report: '10wd', suggestion: '5wd', praise: '5wd' },
    files: 9,
    file_bytes: 20 * 1024 * 1024,
    part_bytes: 256 * 1024,
    letters: true,
    one_touch: false,
  },
)

export async function askPage(): Promise<void> {
  try {
    page.value = await ask<PageView>('GET', '/page')
    remember('page', page.value)
  } catch {
    // What was heard last still holds; nothing on the first screen needs more.
  }
}
