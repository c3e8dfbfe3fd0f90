import { hotline } from '../../api/hotline'
import type { Matter } from '../../api/types'
import { momentText } from '../../look/moments'
import { isElder, language } from '../../look/preferences'
import { fill, sentence, words } from '../../words/index'

interface Row {
  number: string
  title: string
  state: string
  word: string
  changed: string
  rate: boolean
}

function rowOf(one: Matter): Row {
  return {
    number: one.number,
    title: one.title,
    state: one.state,
    word: language() === 'zh' ? one.state_zh : one.state_en,
    changed: fill(words().matters.changed, { time: momentText(one.changed_at) }),
    rate: one.can_rate,
  }
}

/** What this citizen has reported, the youngest first. */
Component({
  data: { t: words(), elder: false, phase: 'loading' as 'loading' | 'failed' | 'ready', failure: '', rows: [] as Row[], cursor: null as string | null, busy: false },
  methods: {
    onLoad() {
      wx.setNavigationBarTitle({ title: this.data.t.matters.title })
    },
    /** Read anew whenever it comes into sight: a rating may have been given meanwhile. */
    onShow() {
      this.setData({ elder: isElder() })
      void this.read()
    },
    async read() {
      try {
        const page = await hotline.matters(null)
        this.setData({ phase: 'ready', rows: page.items.map(rowOf), cursor: page.next_cursor })
      } catch (error) {
        // What is on the screen stays there; only a list that never came is a failure.
        if (this.data.phase !== 'ready') this.setData({ phase: 'failed', failure: sentence(error) })
        else void wx.showToast({ title: sentence(error), icon: 'none' })
      }
    },
    async more() {
      const { cursor, busy } = this.data
      if (cursor === null || busy) return
      this.setData({ busy: true })
      try {
        const page = await hotline.matters(cursor)
        const known = new Set(this.data.rows.map(({ number }) => number))
        this.setData({ rows: [...this.data.rows, ...page.items.map(rowOf).filter(({ number }) => !known.has(number))], cursor: page.next_cursor })
      } catch (error) {
        void wx.showToast({ title: sentence(error), icon: 'none' })
      } finally {
        this.setData({ busy: false })
      }
    },
    async onPullDownRefresh() {
      await this.read()
      void wx.stopPullDownRefresh()
    },
    onReachBottom() {
      void this.more()
    },
    open(event: WechatMiniprogram.TouchEvent<object, object, { number: string }>) {
      void wx.navigateTo({ url: `/pages/ticket/ticket?number=${event.currentTarget.dataset.number}` })
    },
    report() {
      void wx.navigateTo({ url: '/pages/report/report' })
    },
  },
})
