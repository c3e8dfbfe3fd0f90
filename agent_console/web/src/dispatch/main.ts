import { start } from '@/shell/start'

import en from './i18n/en'
import zh from './i18n/zh-CN'
import DispatchPage from './DispatchPage.vue'

start('dispatch', DispatchPage, [{ zh, en }])
