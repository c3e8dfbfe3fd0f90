import { hotline } from '../api/hotline'
import type { FormView } from '../api/types'

const PLACE = 'form'

/**
 * What the report asks with: from the server, or as it was the last time when the server is away, so that a report can be
 * written without a network.
 *
 * @throws Refused, Away: it has never been read on this telephone.
 */
export async function formToUse(): Promise<FormView> {
  try {
    const form = await hotline.form()
    wx.setStorageSync(PLACE, form)
    return form
  } catch (error) {
    const kept = wx.getStorageSync<FormView | ''>(PLACE)
    if (kept === '') throw error
    return kept
  }
}
