import { onMounted, onUnmounted } from 'vue'

/** True where a letter is text and not a command. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || (['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName) && (target as HTMLInputElement).type !== 'radio')
}

/** True while a dialog lies over the desk; the drawer is the desk's own. */
function isCovered(): boolean {
  return [...document.querySelectorAll('.el-overlay')].some((layer) => layer.querySelector('.el-dialog, .el-message-box') !== null && layer.getClientRects().length > 0)
}

/** J and K through the list, and the digits where they mean something; only outside of fields. */
export function useListKeys(to: { next: () => void; previous: () => void; digit?: (digit: number) => void }): void {
  function onKey(event: KeyboardEvent): void {
    // A running input method owns its keys.
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || isCovered()) return
    const key = event.key.toLowerCase()
    const act = key === 'j' ? to.next : key === 'k' ? to.previous : /^[1-9]$/.test(key) && to.digit ? () => to.digit?.(Number(key)) : null
    if (act === null) return
    event.preventDefault()
    act()
  }
  onMounted(() => addEventListener('keydown', onKey))
  onUnmounted(() => removeEventListener('keydown', onKey))
}
