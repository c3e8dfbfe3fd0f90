import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { casework } from '@/casework/api'
import type { Unit } from '@/casework/types'
import { usePreferences } from '@/stores/preferences'

/** The units that can be given tickets. */
export const useUnits = defineStore('units', () => {
  const preferences = usePreferences()
  const items = ref<Unit[]>([])
  let asked = false

  /** Reads the list once; a failed reading is tried again with the next call. */
  async function load(): Promise<void> {
    if (asked) return
    asked = true
    try {
      // A closed unit is still named where it once had a ticket, but is given none.
      items.value = (await casework.units()).items
    } catch {
      asked = false
    }
  }

  const nameOf = (unit: Unit) => (preferences.english ? unit.name_en : unit.name_zh)

  /** A unit's name; its code where the list does not know it. */
  function name(code: string): string {
    const found = items.value.find((unit) => unit.code === code)
    return found === undefined ? code : nameOf(found)
  }

  const offered = computed(() => items.value.filter(({ active }) => active))

  return { items, offered, load, name, nameOf }
})
