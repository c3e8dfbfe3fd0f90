import { createPinia } from 'pinia'
import { createApp } from 'vue'

import './styles/elements'
import './styles/tokens.css'
import './styles/element.css'
import './styles/base.css'

import App from './App.vue'
import citizensEn from './citizens/i18n/en'
import citizensZh from './citizens/i18n/zh-CN'
import { i18n } from './i18n'
import oneTouchEn from './one-touch/i18n/en'
import oneTouchZh from './one-touch/i18n/zh-CN'
import policeEn from './police/i18n/en'
import policeZh from './police/i18n/zh-CN'
import { router } from './router'
import talkEn from './talk/i18n/en'
import talkZh from './talk/i18n/zh-CN'

i18n.global.mergeLocaleMessage('zh-CN', talkZh)
i18n.global.mergeLocaleMessage('zh-CN', citizensZh)
i18n.global.mergeLocaleMessage('zh-CN', policeZh)
i18n.global.mergeLocaleMessage('zh-CN', oneTouchZh)
i18n.global.mergeLocaleMessage('en', talkEn)
i18n.global.mergeLocaleMessage('en', citizensEn)
i18n.global.mergeLocaleMessage('en', policeEn)
i18n.global.mergeLocaleMessage('en', oneTouchEn)

createApp(App).use(createPinia()).use(router).use(i18n).mount('#app')
