import { createPinia } from 'pinia'
import { type Component, createApp } from 'vue'
import { createRouter, createWebHashHistory, type RouteRecordRaw } from 'vue-router'

import '@/styles/elements'
import '@/styles/tokens.css'
import '@/styles/element.css'
import '@/styles/base.css'

import { i18n } from '@/i18n'

import type { PageName } from './pages'
import ShellApp from './ShellApp.vue'

interface Words {
  zh: object
  en: object
}

/**
 * Puts a page into the shared frame: login, top bar, navigation, bell.
 *
 * @param page which one it is.
 * @param content what lies under the top bar; it fills the rest of the window and scrolls inside itself.
 * @param words the page's own texts, so that no page loads another's.
 * @param routes what the hash of the address means; without any there is one place, `/`.
 */
export function start(page: PageName, content: Component, words: Words[] = [], routes: RouteRecordRaw[] = []): void {
  for (const { zh, en } of words) {
    i18n.global.mergeLocaleMessage('zh-CN', zh)
    i18n.global.mergeLocaleMessage('en', en)
  }
  const anywhere: RouteRecordRaw = { path: '/:rest(.*)*', name: 'anywhere', component: { render: () => null } }
  const router = createRouter({ history: createWebHashHistory(), routes: [...routes, anywhere] })
  createApp(ShellApp, { page, content }).use(createPinia()).use(router).use(i18n).mount('#app')
}
