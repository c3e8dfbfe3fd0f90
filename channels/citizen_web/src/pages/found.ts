import { ref } from 'vue'

import type { MatterView } from '@/api/types'

/** The matter that was looked up last, so that its page need not ask for it again. */
export const found = ref<MatterView | null>(null)
