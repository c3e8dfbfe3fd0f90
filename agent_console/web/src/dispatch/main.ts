import '@/casework/elements'

import caseworkEn from '@/casework/i18n/en'
import caseworkZh from '@/casework/i18n/zh-CN'
import { start } from '@/shell/start'
import papersEn from '@/supervision/i18n/en'
import papersZh from '@/supervision/i18n/zh-CN'

import DispatchPage from './DispatchPage.vue'
import en from './i18n/en'
import zh from './i18n/zh-CN'
import { STATES, WAITS } from './store'

const boxes = [...WAITS, ...STATES].join('|')
const nothing = { render: () => null }

start('dispatch', DispatchPage, [{ zh: caseworkZh, en: caseworkEn }, { zh: papersZh, en: papersEn }, { zh, en }], [
  { path: `/:box(${boxes})`, name: 'box', component: nothing },
  { path: `/:box(${boxes})/:id(\\d+)`, name: 'case', component: nothing },
  { path: '/tickets/:id(\\d+)', name: 'ticket', component: nothing },
])
