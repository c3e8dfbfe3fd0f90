import { writeFileSync } from 'node:fs'

import { expect, it } from 'vitest'

import { Screen } from '../simulator'
import { eventually } from '../wechat'
import { asked, startTelephone } from './telephone'

it('reports a matter with place, picture and number, and finds it among its own', async () => {
  const wechat = startTelephone()
  wechat.location = { name: '市民广场', address: '临江市解放路 30 号', latitude: 31.2304, longitude: 121.4737 }
  wechat.media = [{ tempFilePath: asked.photo(), size: 1000, fileType: 'image' }]
  const page = Screen.open('pages/report/report')
  await page.press('求助')
  await page.write('请说说是什么事', '解放路 30 号门前三盏路灯连续三天不亮。')
  await page.press('下一步')
  await page.press('在地图上选位置')
  await page.press('下一步')
  await page.press('拍照或选照片、视频')
  await page.press('下一步')
  await page.tell('.plain', 'getphonenumber', { code: asked.phoneCode() })
  await page.shows('138****2340')
  await page.write('称呼', '孙丽')
  await page.press('下一步')
  await page.press('提交')
  await eventually(() => page.data.phase === 'sent', 4000)
  const number = String(page.data.number)
  expect(number).toMatch(/^\d{8}-\d{6}$/)
  writeFileSync(asked.number(), number)
  const mine = Screen.open('pages/tickets/tickets')
  await mine.shows('解放路 30 号门前三盏路灯')
  await mine.shows('已登记')
})
