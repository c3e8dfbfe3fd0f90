import { start } from '@/shell/start'

import DevicesPage from './DevicesPage.vue'
import en from './i18n/en'
import zh from './i18n/zh-CN'

start('devices', DevicesPage, [{ zh, en }])
