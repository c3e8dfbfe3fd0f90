import { showFile } from '../../api/files'
import { hotline } from '../../api/hotline'
import { Refused } from '../../api/problems'
import type { AnswerFile, NewRating, WholeMatter } from '../../api/types'
import { momentText } from '../../look/moments'
import { isElder, language } from '../../look/preferences'
import { newKey } from '../../report/keeping'
import { sentence, words } from '../../words/index'

interface Shown {
  title: string
  state: string
  word: string
  facts: { label: string; value: string }[]
  text: string
  answer: string
  files: AnswerFile[]
  rated: string
  canRate: boolean
  steps: { n: number; at: string; words: string }[]
}

function shownOf(one: WholeMatter): Shown {
  const t = words()
  const chinese = language() === 'zh'
  const unit = chinese ? one.unit_zh : one.unit_en
  const facts = [
    { label: t.matter.unit, value: unit ?? '' },
    // Once it is answered nobody waits for it any more.
    { label: t.matter.due, value: one.due_at === null || one.answer !== null ? '' : momentText(one.due_at) },
    { label: t.matter.address, value: one.address },
  ]
  return {
    title: one.title,
    state: one.state,
    word: chinese ? one.state_zh : one.state_en,
    facts: facts.filter(({ value }) => value !== ''),
    text: one.text,
    answer: one.answer ?? '',
    files: one.files,
    rated: one.rating === null ? '' : ((t.rating.satisfied_of as Record<string, string>)[String(one.rating)] ?? ''),
    canRate: one.can_rate,
    // The newest first: it is what the citizen came for.
    steps: one.steps.map((step, n) => ({ n, at: momentText(step.at), words: chinese ? step.text_zh : step.text_en })).reverse(),
  }
}

/** One of the citizen's matters: how far it is, what was answered, and his rating. Opened by `number`, by `rate=1` at the rating. */
Component({
  data: {
    t: words(), elder: false, number: '', phase: 'loading' as 'loading' | 'missing' | 'failed' | 'ready', failure: '', matter: null as Shown | null,
    busy: false, opening: false, trouble: '', thanks: false, toRating: false, key: '',
  },
  methods: {
    onLoad(query: Record<string, string | undefined>) {
      wx.setNavigationBarTitle({ title: this.data.t.matter.title })
      this.setData({ elder: isElder(), number: query.number ?? '', toRating: query.rate === '1' })
      void this.open()
    },
    async open() {
      this.setData({ key: await newKey() })
      await this.read()
      if (this.data.toRating && this.data.matter?.canRate === true) void wx.pageScrollTo({ selector: '#rating', duration: 0 })
    },
    async read() {
      try {
        this.setData({ phase: 'ready', matter: shownOf(await hotline.matter(this.data.number)) })
      } catch (error) {
        if (error instanceof Refused && error.status === 404) this.setData({ phase: 'missing' })
        else if (this.data.phase !== 'ready') this.setData({ phase: 'failed', failure: sentence(error) })
        else void wx.showToast({ title: sentence(error), icon: 'none' })
      }
    },
    async onPullDownRefresh() {
      await this.read()
      void wx.stopPullDownRefresh()
    },
    async openFile(event: WechatMiniprogram.BaseEvent<object, { n: number }>) {
      const file = this.data.matter?.files[event.currentTarget.dataset.n]
      if (file === undefined || this.data.opening) return
      this.setData({ opening: true })
      try {
        await showFile(file)
      } catch (error) {
        void wx.showToast({ title: sentence(error), icon: 'none' })
      } finally {
        this.setData({ opening: false })
      }
    },
    async rate(event: WechatMiniprogram.CustomEvent<NewRating>) {
      if (this.data.busy) return
      this.setData({ busy: true, trouble: '' })
      try {
        // The same key for every attempt: of two that both arrive one counts.
        await hotline.rate(this.data.number, event.detail, this.data.key)
        this.setData({ thanks: true })
        await this.read()
      } catch (error) {
        this.setData({ trouble: sentence(error) })
        // Somebody has rated it on the telephone meanwhile, or it can be rated no more: the page shows how it stands.
        if (error instanceof Refused && error.status === 409) await this.read()
      } finally {
        this.setData({ busy: false })
      }
    },
  },
})
