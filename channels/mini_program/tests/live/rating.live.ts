import { readFileSync } from 'node:fs'

import { it } from 'vitest'

import { Screen } from '../simulator'
import { asked, startTelephone } from './telephone'

it('shows the answer and takes what the citizen thinks of it', async () => {
  startTelephone()
  const page = Screen.open('pages/ticket/ticket', { number: readFileSync(asked.number(), 'utf8'), rate: '1' })
  await page.shows('已于今晚修复三盏路灯。')
  await page.press('联系过')
  await page.press('部分解决')
  await page.press('基本满意')
  await page.press('提交评价')
  await page.shows('谢谢您的评价')
  await page.shows('您的评价')
})
