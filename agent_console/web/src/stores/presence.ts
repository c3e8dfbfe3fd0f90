import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { api } from '@/api'
import type { Presence, QueueNews } from '@/api/types'

import { useSession } from './session'

/** The agent's status as the server knows it, and the queue's. */
export const usePresence = defineStore('presence', () => {
  const session = useSession()
  const presence = ref<Presence | null>(null)
  const queue = ref<QueueNews | null>(null)
  const changing = ref(false)

  const state = computed(() => presence.value?.state ?? 'offline')
  const reason = computed(() => {
    const code = presence.value?.reason
    return session.session?.pause_reasons.find((one) => one.code === code) ?? null
  })

  async function load(): Promise<void> {
    presence.value = await api.presence()
  }

  async function change(to: 'online' | 'paused', why?: string): Promise<void> {
    changing.value = true
    try {
      presence.value = (await api.setPresence(to, why)) ?? (await api.presence())
    } finally {
      changing.value = false
    }
  }

  return { presence, queue, state, reason, changing, load, change }
})
