import { isElder, language, setElder } from '../../look/preferences'
import { isBegun } from '../../report/draft'
import { formToUse } from '../../report/form'
import { keptDraft } from '../../report/keeping'
import { listen } from '../../report/sending'
import { fill, words } from '../../words/index'

let stop: () => void = () => undefined

/** What can be done here, and what was left unfinished. Everything works before the server has answered. */
Component({
  data: { t: words(), elder: false, city: '', number: '12345', dial: '', unfinished: '' },
  methods: {
    onLoad() {
      this.setData({ elder: isElder(), dial: fill(this.data.t.home.dial, { hotline: this.data.number }) })
      stop = listen(() => { this.look() })
      void this.read()
    },
    onShow() {
      this.look()
    },
    onUnload() {
      stop()
    },
    look() {
      const draft = keptDraft()
      this.setData({ elder: isElder(), unfinished: draft === null ? '' : draft.state === 'waiting' ? 'waiting' : isBegun(draft) ? 'writing' : '' })
    },
    async read() {
      try {
        const form = await formToUse()
        this.setData({
          city: language() === 'zh' ? form.city_zh : form.city_en,
          number: form.hotline,
          dial: fill(this.data.t.home.dial, { hotline: form.hotline }),
        })
      } catch {
        // The name of the city is all that is missing; whoever reports is told when the server is away.
      }
    },
    report() {
      void wx.navigateTo({ url: '/pages/report/report' })
    },
    matters() {
      void wx.navigateTo({ url: '/pages/tickets/tickets' })
    },
    dial() {
      // Whoever decides not to call after all has done nothing wrong.
      wx.makePhoneCall({ phoneNumber: this.data.number, fail: () => undefined })
    },
    turnElder() {
      setElder(!this.data.elder)
      this.setData({ elder: isElder() })
    },
  },
})
