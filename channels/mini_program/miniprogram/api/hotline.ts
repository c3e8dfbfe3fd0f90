import { ask, send } from './request'
import { asMyself, keepPhone } from './session'
import type { FileView, FormView, MatterPage, NewRating, NewReport, WholeMatter } from './types'

/** Everything that the mini program asks of the hotline. */
export const hotline = {
  form: () => ask<FormView>('GET', 'form'),

  /** Lets WeChat vouch for the number; `code` is what the button gave. Returns it masked. */
  async showPhone(code: string): Promise<string> {
    const { phone } = await asMyself((token) => ask<{ phone: string }>('PUT', 'phone', { token, body: { code } }))
    keepPhone(phone)
    return phone
  },

  file: (path: string, told?: (percent: number) => void) => asMyself((token) => send<FileView>('attachments', path, token, told)),

  report: (body: NewReport, key: string) => asMyself((token) => ask<{ number: string }>('POST', 'reports', { token, body, key })),

  matters: (cursor: string | null) =>
    asMyself((token) => ask<MatterPage>('GET', `tickets?limit=20${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`, { token })),

  matter: (number: string) => asMyself((token) => ask<WholeMatter>('GET', `tickets/${encodeURIComponent(number)}`, { token })),

  rate: (number: string, body: NewRating, key: string) =>
    asMyself((token) => ask<{ rating: number }>('POST', `tickets/${encodeURIComponent(number)}/rating`, { token, body, key })),
}
