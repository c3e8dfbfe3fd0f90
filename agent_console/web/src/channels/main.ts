import { start } from '@/shell/start'

import ChannelsPage from './ChannelsPage.vue'
import en from './i18n/en'
import zh from './i18n/zh-CN'

start('channels', ChannelsPage, [{ zh, en }])
