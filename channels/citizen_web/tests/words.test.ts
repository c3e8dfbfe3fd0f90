import { expect, it } from 'vitest'
import { nextTick } from 'vue'

import { readable } from '@/device/speech'
import { changeLanguage, limitWords, moment, words } from '@/i18n'
import { en } from '@/i18n/en'
import { zh } from '@/i18n/zh-CN'

function leaves(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value === 'function') {
    const said: unknown = (value as (...given: unknown[]) => unknown)(3, 4)
    return leaves(said)
  }
  return Object.values(value as object).flatMap(leaves)
}

it('says as much in English as in Chinese, and leaves nothing empty', () => {
  expect(leaves(en)).toHaveLength(leaves(zh).length)
  expect([...leaves(en), ...leaves(zh)].filter((text) => !text.trim())).toEqual([])
})

it('holds no Chinese in the English words, but for the name of the other language', () => {
  expect(leaves(en).filter((text) => /[一-鿿]/.test(text))).toEqual([zh.app.language === 'English' ? '中文' : ''])
})

it.each([
  ['5wd', ' 5 个工作日'],
  ['24h', ' 24 小时'],
  ['', ''],
  ['soon', ''],
])('writes the limit %s as it is said', (limit, said) => {
  expect(limitWords(limit)).toBe(said)
})

it('writes moments in the city’s time', () => {
  expect(moment('2026-03-02T01:30:00Z')).toBe('3/2 09:30')
})

it('changes the language and says so to the browser', async () => {
  changeLanguage()
  await nextTick()
  expect(words.value.home.heading).toBe(en.home.heading)
  expect(document.documentElement.lang).toBe('en')
  changeLanguage()
})

it('reads what is on the screen once, in order, without what is only for the eye', () => {
  document.body.innerHTML = `<main><p data-unspoken>第 1 步</p><h1>标题</h1><p>说明</p>
    <button><strong>反映</strong><p>问题</p></button><p aria-hidden="true">装饰</p><p hidden>不见</p></main>`
  expect(readable(document.querySelector('main') ?? document.body)).toBe('标题。说明。反映，问题')
})
