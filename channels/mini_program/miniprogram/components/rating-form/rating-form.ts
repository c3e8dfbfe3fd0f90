import type { NewRating } from '../../api/types'
import { words } from '../../words/index'

const REASON_LENGTH = 400
/** From this answer on the citizen is asked why. */
const DISSATISFIED = 4

const choicesOf = (named: Record<string, string>) => Object.entries(named).map(([value, label]) => ({ value: Number(value), label }))

/** The three questions of a callback, as a form. Tells `rate` with the answers; whether they arrived is the page's to say. */
Component({
  options: { styleIsolation: 'apply-shared' },
  properties: {
    busy: { type: Boolean, value: false },
  },
  data: {
    t: words(),
    contacts: choicesOf(words().rating.contacted_of),
    solutions: choicesOf(words().rating.solved_of),
    levels: choicesOf(words().rating.satisfied_of),
    contacted: 0,
    solved: 0,
    satisfied: 0,
    reason: '',
    asksWhy: false,
    trouble: '',
    most: REASON_LENGTH,
  },
  methods: {
    choose(event: WechatMiniprogram.TouchEvent<object, object, { question: 'contacted' | 'solved' | 'satisfied'; value: number }>) {
      const { question, value } = event.currentTarget.dataset
      // What may be left out can be taken back by a second tap.
      const taken = question !== 'satisfied' && this.data[question] === Number(value) ? 0 : Number(value)
      this.setData({ [question]: taken, trouble: '' })
      if (question === 'satisfied') this.setData({ asksWhy: taken >= DISSATISFIED })
    },
    write(event: WechatMiniprogram.Input) {
      this.setData({ reason: event.detail.value })
    },
    submit() {
      const { contacted, solved, satisfied, asksWhy, reason, t } = this.data
      if (satisfied === 0) {
        this.setData({ trouble: t.rating.choose })
        return
      }
      const rating: NewRating = { satisfied }
      if (contacted !== 0) rating.contacted = contacted
      if (solved !== 0) rating.solved = solved
      if (asksWhy && reason.trim() !== '') rating.reason = reason.trim()
      this.triggerEvent('rate', rating)
    },
  },
})
