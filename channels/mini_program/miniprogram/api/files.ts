import { SETTINGS } from '../settings'
import { Away, Refused } from './problems'
import type { AnswerFile } from './types'

/** Of the server's documents WeChat opens these. */
const DOCUMENTS: Record<string, 'pdf' | 'docx' | 'xlsx'> = {
  'application/pdf': 'pdf',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
}

function downloaded(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    wx.downloadFile({
      url,
      success: ({ statusCode, tempFilePath }) => {
        if (statusCode === 200) resolve(tempFilePath)
        else reject(new Refused(statusCode, {}, 0))
      },
      fail: () => { reject(new Away()) },
    })
  })
}

/**
 * Shows a file that goes with an answer: a picture, video or document as WeChat shows it.
 *
 * @throws Refused the server does not give it, e.g. the page has been open for too long; Away it was not reached.
 */
export async function showFile(file: AnswerFile): Promise<void> {
  const kept = await downloaded(`${SETTINGS.server}${file.path}`)
  const fileType = DOCUMENTS[file.type]
  if (fileType !== undefined) await wx.openDocument({ filePath: kept, fileType, showMenu: true })
  else if (file.type.startsWith('image/')) await wx.previewImage({ urls: [kept] })
  else await wx.previewMedia({ sources: [{ url: kept, type: 'video' }] })
}
