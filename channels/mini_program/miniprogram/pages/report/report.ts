import { hotline } from '../../api/hotline'
import { session } from '../../api/session'
import type { FormView, MatterType } from '../../api/types'
import { isElder, language } from '../../look/preferences'
import { type Draft, firstTrouble, neighbour, newDraft, stepAt, type StepName, troubleOf } from '../../report/draft'
import { formToUse } from '../../report/form'
import { draftToWrite, dropDraft, dropPicture, keep, keptPicture, newKey } from '../../report/keeping'
import { type Choice, choicesOf, filesHint, isSkipped, type Line, linesOf, stepText } from '../../report/screen'
import { listen, submit, type Told } from '../../report/sending'
import { fill, sentence, words } from '../../words/index'

type Phase = 'loading' | 'failed' | 'writing' | 'sending' | 'waiting' | 'sent'
type Tap<T extends WechatMiniprogram.IAnyObject> = WechatMiniprogram.TouchEvent<object, object, T>

let stop: () => void = () => undefined

/** A report: one question a screen, kept on the telephone as it is written, sent once. */
Component({
  data: {
    t: words(), elder: false, phase: 'loading' as Phase, failure: '', form: null as FormView | null, draft: newDraft(''),
    ask: '', stepText: '', choices: [] as Choice[], filesHint: '', trouble: '', note: '', skipped: false, secret: false,
    lines: [] as Line[], phone: '', progress: '', number: '', copied: false,
  },
  methods: {
    onLoad() {
      wx.setNavigationBarTitle({ title: this.data.t.report.title })
      this.setData({ elder: isElder() })
      stop = listen((told) => { this.hear(told) })
      void this.open()
    },
    onUnload() {
      stop()
    },
    async open() {
      this.setData({ phase: 'loading' })
      const draft = await draftToWrite()
      try {
        const form = await formToUse()
        const { t } = this.data
        this.setData({ form, choices: choicesOf(form.types, t, language() === 'zh'), filesHint: filesHint(form, t) })
        this.show(draft, draft.state === 'waiting' ? 'waiting' : 'writing')
        if (draft.state === 'waiting') void submit(draft)
        void this.readPhone()
      } catch (error) {
        this.setData({ phase: 'failed', failure: sentence(error) })
      }
    },
    /** Without a login the number is simply not known yet. */
    async readPhone() {
      try {
        this.setData({ phone: (await session()).phone ?? '' })
      } catch {
        return
      }
      this.show(this.data.draft)
    },
    /** Puts the draft on the screen, with what is said about it. */
    show(draft: Draft, to: Phase | null = null) {
      const { t, phone } = this.data
      const phase = to ?? this.data.phase
      this.setData({
        draft, phase, ask: t.report.ask[draft.step], stepText: stepText(draft.step, t), skipped: isSkipped(draft, draft.step),
        secret: draft.type === 'report', lines: draft.step === 'check' ? linesOf(draft, phone, t) : [],
      })
    },
    /** Takes what was typed or chosen; it is kept at once. */
    take(changes: Partial<Draft>) {
      const draft = { ...this.data.draft, ...changes }
      keep(draft)
      this.setData({ trouble: '', note: '' })
      this.show(draft)
    },
    go(step: StepName) {
      this.take({ step })
      void wx.pageScrollTo({ scrollTop: 0, duration: 0 })
    },

    chooseType(event: Tap<{ code: MatterType }>) {
      this.take({ type: event.currentTarget.dataset.code })
      this.next()
    },
    writeText(event: WechatMiniprogram.Input) {
      this.take({ text: event.detail.value })
    },
    writeAddress(event: WechatMiniprogram.Input) {
      this.take({ place: { ...this.data.draft.place, address: event.detail.value } })
    },
    writeName(event: WechatMiniprogram.Input) {
      this.take({ name: event.detail.value })
    },
    async pickPlace() {
      try {
        const { name, address, latitude, longitude } = await wx.chooseLocation({})
        const words = name === '' || address.includes(name) ? address : `${address} ${name}`
        this.take({ place: { address: words || this.data.draft.place.address, latitude, longitude } })
      } catch (error) {
        // Whoever goes back without choosing has changed his mind, and needs no advice.
        if (!/cancel/.test((error as { errMsg?: string }).errMsg ?? '')) this.setData({ note: this.data.t.report.place_refused })
      }
    },
    dropPlace() {
      this.take({ place: { ...this.data.draft.place, latitude: null, longitude: null } })
    },
    async addFiles() {
      const { form, draft } = this.data
      const room = (form?.limits.files ?? 0) - draft.pictures.length
      if (room <= 0) {
        this.setData({ trouble: this.data.t.trouble.too_many })
        return
      }
      try {
        const { tempFiles } = await wx.chooseMedia({ count: Math.min(room, 9), mediaType: ['image', 'video'], sizeType: ['compressed'] })
        const added = await Promise.all(tempFiles.map(({ tempFilePath, size, fileType }) => keptPicture(tempFilePath, size, fileType === 'video')))
        this.take({ pictures: [...this.data.draft.pictures, ...added] })
        this.check('files')
      } catch {
        // Nothing was chosen.
      }
    },
    removeFile(event: WechatMiniprogram.CustomEvent<{ key: string }>) {
      const { pictures } = this.data.draft
      pictures.filter(({ key }) => key === event.detail.key).forEach(dropPicture)
      this.take({ pictures: pictures.filter(({ key }) => key !== event.detail.key) })
    },
    chooseWho(event: Tap<{ anonymous: boolean }>) {
      this.take({ anonymous: event.currentTarget.dataset.anonymous })
    },
    turnConfidential() {
      this.take({ confidential: !this.data.draft.confidential })
    },
    async takePhone(event: WechatMiniprogram.ButtonGetPhoneNumber) {
      const { code } = event.detail
      if (!code) {
        this.setData({ note: this.data.t.report.phone_refused })
        return
      }
      try {
        this.setData({ phone: await hotline.showPhone(code), note: '' })
        this.show(this.data.draft)
      } catch (error) {
        this.setData({ note: sentence(error) })
      }
    },

    /** Says what must be mended before the next question; true when nothing is wrong. */
    check(step: StepName): boolean {
      const { draft, form, t } = this.data
      const trouble = form === null ? null : troubleOf(draft, step, form.limits)
      this.setData({ trouble: trouble === null ? '' : t.trouble[trouble] })
      return trouble === null
    },
    next() {
      const { step } = this.data.draft
      const to = neighbour(step, 1)
      if (this.check(step) && to !== null) this.go(to)
    },
    back() {
      const to = neighbour(this.data.draft.step, -1)
      if (to !== null) this.go(to)
    },
    change(event: Tap<{ step: StepName }>) {
      this.go(event.currentTarget.dataset.step)
    },
    async clear() {
      const { t } = this.data
      const { confirm } = await wx.showModal({ content: t.report.clear_sure, confirmText: t.report.clear_yes, cancelText: t.report.keep })
      if (!confirm) return
      dropDraft()
      this.show(newDraft(await newKey()), 'writing')
    },

    /** WeChat asks for messages only within a tap, so before anything else. */
    async send() {
      const { draft, form } = this.data
      if (form === null || this.data.phase !== 'writing') return
      const wrong = firstTrouble(draft, form.limits)
      if (wrong !== null) {
        this.go(wrong)
        this.check(wrong)
        return
      }
      this.setData({ phase: 'sending', progress: this.data.t.report.sending, trouble: '' })
      if (form.templates.length > 0) await wx.requestSubscribeMessage({ tmplIds: form.templates.slice(0, 3) }).catch(() => undefined)
      await submit(draft)
    },
    again() {
      this.setData({ phase: 'sending', progress: this.data.t.report.sending })
      void submit(this.data.draft)
    },
    hear(told: Told) {
      const { t } = this.data
      if (told.state === 'uploading') {
        this.setData({ progress: fill(t.report.uploading, { now: told.done + 1, all: told.all, percent: told.percent }) })
      } else if (told.state === 'sending') {
        this.setData({ progress: t.report.sending })
      } else if (told.state === 'waiting') {
        this.setData({ phase: 'waiting', note: told.retryAfter > 0 ? fill(t.app.busy, { seconds: Math.ceil(told.retryAfter) }) : '' })
      } else if (told.state === 'sent') {
        this.setData({ phase: 'sent', number: told.number, copied: false, note: '' })
      } else {
        void this.mend(told.problem)
      }
    },
    /** The server said no: the question that it is about is asked again, with what is wrong. */
    async mend(problem: Extract<Told, { state: 'refused' }>['problem']) {
      const draft = await draftToWrite()
      const [field] = problem.fields
      const step = stepAt(field?.pointer ?? '')
      this.show({ ...draft, step }, 'writing')
      keep(this.data.draft)
      this.setData({ trouble: sentence(problem) })
    },
    copy() {
      wx.setClipboardData({ data: this.data.number, success: () => { this.setData({ copied: true }) } })
    },
    look() {
      void wx.redirectTo({ url: `/pages/ticket/ticket?number=${this.data.number}` })
    },
    home() {
      void wx.reLaunch({ url: '/pages/home/home' })
    },
  },
})
