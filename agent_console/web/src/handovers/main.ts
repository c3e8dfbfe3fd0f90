import '@/casework/elements'

import policeEn from '@/police/i18n/en'
import policeZh from '@/police/i18n/zh-CN'
import { start } from '@/shell/start'

import HandoversPage from './HandoversPage.vue'
import en from './i18n/en'
import zh from './i18n/zh-CN'

start('police', HandoversPage, [{ zh: policeZh, en: policeEn }, { zh, en }], [{ path: '/:id(\\d+)', name: 'handover', component: { render: () => null } }])
