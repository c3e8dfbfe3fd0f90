import { start } from '@/shell/start'

import en from './i18n/en'
import zh from './i18n/zh-CN'
import UnitPage from './UnitPage.vue'

start('desk', UnitPage, [{ zh, en }])
