import caseworkEn from '@/casework/i18n/en'
import caseworkZh from '@/casework/i18n/zh-CN'
import dispatchEn from '@/dispatch/i18n/en'
import dispatchZh from '@/dispatch/i18n/zh-CN'

import en from './i18n/en'
import zh from './i18n/zh-CN'

/** What is said about the way of a ticket, by language. */
export const TEXTS = [
  ['zh-CN', caseworkZh], ['zh-CN', dispatchZh], ['zh-CN', zh],
  ['en', caseworkEn], ['en', dispatchEn], ['en', en],
] as const
