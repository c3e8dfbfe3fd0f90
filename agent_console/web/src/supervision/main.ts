import '@/casework/elements'

import caseworkEn from '@/casework/i18n/en'
import caseworkZh from '@/casework/i18n/zh-CN'
import { start } from '@/shell/start'

import en from './i18n/en'
import zh from './i18n/zh-CN'
import SupervisionPage from './SupervisionPage.vue'
import { BOXES } from './types'

const nothing = { render: () => null }

start('supervision', SupervisionPage, [{ zh: caseworkZh, en: caseworkEn }, { zh, en }], [
  { path: `/:box(${BOXES.join('|')})`, name: 'box', component: nothing },
  { path: `/:box(${BOXES.join('|')})/:id(\\d+)`, name: 'paper', component: nothing },
  { path: '/papers/:id(\\d+)', name: 'one', component: nothing },
  { path: '/listed', name: 'listed', component: nothing },
])
