import { ref, watchEffect } from 'vue'

import { recall, remember } from '@/device/memory'

/** Large print and fewer choices (适老化). */
export const elder = ref(recall<boolean>('elder') === true)

watchEffect(() => {
  document.documentElement.classList.toggle('elder', elder.value)
})

export function changeElder(): void {
  elder.value = !elder.value
  remember('elder', elder.value)
}
