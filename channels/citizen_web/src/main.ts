import '@/styles/tokens.css'
import '@/styles/base.css'

import { createApp } from 'vue'

import { askPage } from '@/api/page'
import App from '@/App.vue'
import { resume } from '@/report/sending'

createApp(App).mount('#app')
void askPage()
resume()

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  addEventListener('load', () => {
    // The first visit is not held up by what only later ones need.
    navigator.serviceWorker.register(`${import.meta.env.BASE_URL}sw.js`).catch(() => undefined)
  })
}
