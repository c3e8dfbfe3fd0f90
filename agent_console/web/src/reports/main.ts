import '@/casework/elements'

import { start } from '@/shell/start'

import en from './i18n/en'
import zh from './i18n/zh-CN'
import ReportsPage from './ReportsPage.vue'

start('reports', ReportsPage, [{ zh, en }])
