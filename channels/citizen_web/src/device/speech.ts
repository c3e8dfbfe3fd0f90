import { ref } from 'vue'

import { language } from '@/i18n'

/** Reads the screen aloud to whom small letters are hard. */
export const speaking = ref(false)
export const canSpeak = typeof speechSynthesis !== 'undefined'

export function hush(): void {
  if (canSpeak) speechSynthesis.cancel()
  speaking.value = false
}

/** What a listener needs of a part of the page: headings, questions, hints and what can be pressed, in order. */
export function readable(root: Element): string {
  const parts: string[] = []
  for (const element of root.querySelectorAll('h1, h2, label, legend, button, a[href], p, li, dt, dd, [data-say]')) {
    if (element.closest('[hidden], [aria-hidden="true"], [data-unspoken]') || element.parentElement?.closest('button, a[href], label, li, p')) continue
    const text = textOf(element)
    if (text) parts.push(text)
  }
  return parts.join('。')
}

/** The words of an element, with a pause where the eye sees a new line or another weight. */
function textOf(element: Element): string {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT)
  const parts: string[] = []
  while (walker.nextNode()) {
    const text = (walker.currentNode.nodeValue ?? '').replace(/\s+/g, ' ').trim()
    if (text) parts.push(text)
  }
  return parts.join('，')
}

export function readAloud(): void {
  const main = document.querySelector('main')
  if (!canSpeak || !main) return
  hush()
  const said = new SpeechSynthesisUtterance(readable(main))
  said.lang = language.value
  said.rate = 0.9
  said.onend = said.onerror = () => {
    speaking.value = false
  }
  speaking.value = true
  speechSynthesis.speak(said)
}
