import { start } from '@/shell/start'

import en from './i18n/en'
import zh from './i18n/zh-CN'
import SupervisionPage from './SupervisionPage.vue'

start('supervision', SupervisionPage, [{ zh, en }])
