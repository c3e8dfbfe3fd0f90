import { i18n } from '@/i18n'

/**
 * Brings the forms for a ticket's way, with the words they speak.
 *
 * Nothing of it is in the console's first load: whoever answers on the spot never needs it.
 */
export async function loadForwardPane() {
  const [pane, words] = await Promise.all([import('./ForwardPane.vue'), import('./words')])
  for (const [language, texts] of words.TEXTS) i18n.global.mergeLocaleMessage(language, texts)
  return pane.default
}
