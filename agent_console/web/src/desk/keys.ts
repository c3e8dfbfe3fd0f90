import { onMounted, onUnmounted } from 'vue'
import { useRouter } from 'vue-router'

import { useCall } from '@/stores/call'
import { useInbox } from '@/stores/inbox'
import { useOffers } from '@/talk/offers'

interface Openers {
  palette: () => void
  police: () => void
  map: () => void
}

/** True where a letter is text and not a command. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName)
}

/** True while a dialog lies over the desk. */
function isCovered(): boolean {
  return [...document.querySelectorAll('.el-overlay')].some((layer) => layer.getClientRects().length > 0)
}

/** The keys that work wherever the focus is, and the letters that work outside of fields. */
export function useDeskKeys(open: Openers): void {
  const call = useCall()
  const inbox = useInbox()
  const router = useRouter()
  const { acceptFirst } = useOffers()

  const go = (step: 1 | -1) => {
    const to = inbox.neighbour(router.currentRoute.value, step)
    if (to !== null) void router.push(to)
  }
  const anywhere: Readonly<Record<string, () => void>> = {
    F2: () => void call.answer(),
    F4: call.toggleHold,
    F6: call.toggleMute,
    F7: open.police,
    F8: call.hangUp,
    F9: acceptFirst,
  }
  const outside: Readonly<Record<string, () => void>> = {
    j: () => go(1),
    k: () => go(-1),
    '1': () => inbox.show('calls'),
    '2': () => inbox.show('talks'),
    '3': () => inbox.show('tickets'),
    '4': () => inbox.show('callbacks'),
    '?': open.map,
    '？': open.map,
  }

  function onKey(event: KeyboardEvent): void {
    // A running input method owns its keys.
    if (event.isComposing) return
    const control = event.ctrlKey || event.metaKey
    if (control && event.key.toLowerCase() === 'k') return run(event, open.palette)
    if (control || event.altKey) return
    // A call key must not run twice because a finger rests on it.
    const act = anywhere[event.key]
    if (act !== undefined) return run(event, event.repeat ? () => undefined : act)
    if (isCovered() || isTyping(event.target)) return
    const letter = outside[event.key.toLowerCase()]
    if (letter !== undefined) run(event, letter)
  }

  function run(event: KeyboardEvent, act: () => void): void {
    event.preventDefault()
    act()
  }

  onMounted(() => addEventListener('keydown', onKey, { capture: true }))
  onUnmounted(() => removeEventListener('keydown', onKey, { capture: true }))
}
