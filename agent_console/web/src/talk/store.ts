import { defineStore } from 'pinia'
import { computed, reactive, ref } from 'vue'

import { ApiProblem, NoAnswer } from '@/api/http'
import type { Upload } from '@/casework/uploads'
import { IdempotencyKeys } from '@/domain/random'
import type { ListPhase } from '@/stores/tickets'
import { useSession } from '@/stores/session'

import { talks as api } from './api'
import type { LookedAt, Other, Saying, Talk, TalkMessage, TalkNews, TalkSummary } from './types'

/** Characters of one message; the server takes no more. */
export const MOST_SAID = 1000

/** What is being written to one citizen. */
export interface Answer {
  text: string
  sending: boolean
  failure: unknown
  /** Who has answered meanwhile; what is written is sent only when it is sent again. */
  movedOn: string
  /** What was sent and not answered for: the very same is sent again, under the same key. */
  body: { text: string; after_seq: number } | null
  keys: Pick<IdempotencyKeys, 'for'>
  /** Files that go after the words, each as a message of its own. */
  uploads: Upload[]
  /** As which message each file was sent that was not answered for, by the key of its upload. */
  sent: Map<string, { attachment: number; after_seq: number }>
}

/** The conversations of this agent: the lists, the opened one, and what is being written in each. */
export const useTalks = defineStore('talks', () => {
  const session = useSession()
  const mine = ref<TalkSummary[]>([])
  const waiting = ref<TalkSummary[]>([])
  const live = ref<TalkSummary[]>([])
  const phase = ref<ListPhase>('loading')
  const opened = ref<Talk | null>(null)
  const openPhase = ref<ListPhase>('loading')
  const openError = ref<unknown>(null)
  const hasOlder = ref(false)
  const answers = reactive(new Map<number, Answer>())
  let openedId = 0

  const offers = computed(() => mine.value.filter(({ state }) => state === 'offered'))
  const ongoing = computed(() => mine.value.filter(({ state }) => state === 'open'))
  const others = computed(() => {
    const known = new Set([...mine.value, ...waiting.value].map(({ id }) => id))
    return live.value.filter(({ id }) => !known.has(id))
  })
  const unread = computed(() => ongoing.value.filter(({ id, unread: count }) => count > 0 && id !== openedId).length)

  async function load(): Promise<void> {
    try {
      const [own, queue, all] = await Promise.all([
        session.can('conversation.handle') ? api.box('mine') : null,
        session.can('conversation.handle') ? api.box('waiting') : null,
        session.can('conversation.watch') ? api.box('live') : null,
      ])
      mine.value = own?.items ?? []
      waiting.value = queue?.items ?? []
      live.value = all?.items ?? []
      phase.value = 'ready'
    } catch {
      if (phase.value === 'loading') phase.value = 'failed'
    }
  }

  async function open(id: number): Promise<void> {
    openedId = id
    if (opened.value?.id !== id) {
      opened.value = null
      openPhase.value = 'loading'
    }
    try {
      const talk = await api.show(id)
      if (openedId === id) show(talk)
    } catch (error) {
      if (openedId !== id) return
      // What was shown may be another's by now: it does not stay on the screen.
      if (opened.value?.id === id && !(error instanceof ApiProblem)) return
      opened.value = null
      openError.value = error
      openPhase.value = 'failed'
    }
  }

  function show(talk: Talk): void {
    const before = opened.value?.id === talk.id ? opened.value.messages : []
    const first = talk.messages[0]?.seq ?? 1
    // Earlier messages that were fetched stay above those that come anew.
    const older = before.filter(({ seq }) => seq < first)
    if (older.length === 0) hasOlder.value = first > 1
    opened.value = { ...talk, messages: [...older, ...talk.messages] }
    openPhase.value = 'ready'
  }

  function close(): void {
    openedId = 0
    opened.value = null
  }

  async function loadOlder(): Promise<void> {
    const talk = opened.value
    const first = talk?.messages[0]?.seq
    if (talk === null || first === undefined) return
    const page = await api.messages(talk.id, { before: first })
    if (opened.value?.id !== talk.id) return
    opened.value.messages.unshift(...page.items)
    hasOlder.value = page.more
  }

  /** The messages that are not on the page yet. */
  async function loadNewer(): Promise<void> {
    const talk = opened.value
    if (talk === null) return
    const page = await api.messages(talk.id, { after: talk.messages.at(-1)?.seq ?? 0 })
    for (const one of page.items) put(talk.id, one)
    if (page.more) await loadNewer()
  }

  function put(id: number, message: TalkMessage): void {
    const talk = opened.value
    if (talk?.id !== id) return
    const at = talk.messages.findIndex(({ seq }) => seq === message.seq)
    if (at >= 0) talk.messages[at] = message
    else talk.messages.push(message)
    talk.messages.sort((a, b) => a.seq - b.seq)
    talk.last_seq = Math.max(talk.last_seq, message.seq)
  }

  function answerTo(id: number): Answer {
    const known = answers.get(id)
    if (known !== undefined) return known
    answers.set(id, { text: '', sending: false, failure: null, movedOn: '', body: null, keys: new IdempotencyKeys(), uploads: [], sent: new Map() })
    return answers.get(id) as Answer
  }

  /** Sends what was written and then the files, each once: sent again after no answer it keeps its key. */
  async function say(id: number): Promise<void> {
    const answer = answerTo(id)
    if (answer.sending) return
    Object.assign(answer, { sending: true, failure: null, movedOn: '' })
    try {
      if (answer.text.trim() !== '') await sayWords(id, answer)
      for (const one of [...answer.uploads]) await sendFile(id, answer, one)
      void load()
    } catch (error) {
      if (error instanceof ApiProblem && error.problem.type.endsWith('conversation-moved-on')) {
        await loadNewer()
        const last = opened.value?.messages.findLast(({ speaker, agent }) => speaker === 'agent' && agent !== session.user?.number)
        answer.movedOn = last?.agent_name ?? last?.agent ?? ''
      } else {
        answer.failure = error
      }
    } finally {
      answer.sending = false
    }
  }

  async function sayWords(id: number, answer: Answer): Promise<void> {
    const text = answer.text.trim()
    if (answer.body?.text !== text) answer.body = { text, after_seq: lastSeen() }
    const body = answer.body
    // Out of the field at once: what is typed while it is on its way is the next message.
    answer.text = ''
    try {
      await sendOnce(id, body, answer.keys.for(body), (one) => one.text === text)
    } catch (error) {
      answer.text = [text, answer.text].filter((part) => part !== '').join('\n')
      // What the server has refused it has not kept.
      if (error instanceof ApiProblem && error.status < 500) answer.body = null
      throw error
    }
    // The same words may be said again, and are another message then.
    Object.assign(answer, { body: null, keys: new IdempotencyKeys() })
  }

  async function sendFile(id: number, answer: Answer, one: Upload): Promise<void> {
    const attachment = one.attachment?.id
    if (attachment === undefined) return
    const body = answer.sent.get(one.key) ?? { attachment, after_seq: lastSeen() }
    answer.sent.set(one.key, body)
    try {
      await sendOnce(id, body, one.key, ({ files }) => files.some((file) => file.id === attachment))
    } catch (error) {
      if (error instanceof ApiProblem && error.status < 500) answer.sent.delete(one.key)
      throw error
    }
    answer.sent.delete(one.key)
    answer.uploads = answer.uploads.filter(({ key }) => key !== one.key)
  }

  /** Sends one message; one of which nobody told is looked for before it counts as not sent. */
  async function sendOnce(id: number, body: Saying, key: string, same: (one: TalkMessage) => boolean): Promise<void> {
    try {
      put(id, await api.say(id, body, key))
    } catch (error) {
      if (!(error instanceof NoAnswer) || !(await arrived(id, body.after_seq, same))) throw error
    }
  }

  const lastSeen = () => opened.value?.messages.at(-1)?.seq ?? 0

  /** Whether a message of which nobody told is there all the same. */
  async function arrived(id: number, after: number, same: (one: TalkMessage) => boolean): Promise<boolean> {
    if (opened.value?.id !== id) return false
    await loadNewer().catch(() => undefined)
    const me = session.user?.number
    return opened.value.messages.some((one) => one.seq > after && one.agent === me && same(one))
  }

  async function accept(id: number): Promise<void> {
    show(await api.accept(id))
    openedId = id
    await load()
  }

  async function take(id: number): Promise<void> {
    show(await api.take(id))
    openedId = id
    await load()
  }

  async function decline(id: number): Promise<void> {
    await api.decline(id)
    await load()
  }

  async function passOn(id: number): Promise<void> {
    await api.passOn(id)
    await load()
  }

  async function end(id: number): Promise<void> {
    await api.close(id)
    for (const one of answers.get(id)?.uploads ?? []) one.abort()
    answers.delete(id)
    await Promise.all([load(), openedId === id ? open(id) : undefined])
  }

  async function read(id: number): Promise<void> {
    const listed = mine.value.find((one) => one.id === id)
    if (listed === undefined || listed.unread === 0) return
    listed.unread = 0
    await api.read(id)
  }

  async function look(id: number, typing: boolean): Promise<void> {
    const { items } = await api.look(id, typing)
    if (opened.value?.id === id) opened.value.others = items
  }

  /** What news may have failed to say. */
  async function readAgain(): Promise<void> {
    await Promise.all([load(), opened.value === null ? undefined : open(opened.value.id)])
  }

  /** A piece of news that names a conversation. */
  function takeNews(type: string, news: TalkNews): void {
    void load()
    if (opened.value?.id !== news.conversation_id) return
    if (type === 'message.received') void loadNewer()
    else if (type === 'message.delivery_changed') delivered(news)
    else if (type === 'message.file_arrived') void readOne(news)
    else void open(news.conversation_id)
  }

  /** One message as it is now, e.g. with a file that has come. */
  async function readOne({ conversation_id, seq }: TalkNews): Promise<void> {
    if (seq === undefined) return
    const { items } = await api.messages(conversation_id, { before: seq + 1, after: seq - 1 })
    for (const one of items) put(conversation_id, one)
  }

  function delivered(news: TalkNews): void {
    const message = opened.value?.messages.find(({ seq }) => seq === news.seq)
    if (message === undefined || news.delivery === undefined) return
    message.delivery = news.delivery
    // Why it failed is not in the news.
    if (news.delivery === 'failed' || news.delivery === 'unknown') void open(news.conversation_id)
  }

  function lookedAt({ conversation_id, number, name, how }: LookedAt): void {
    const talk = opened.value
    if (talk?.id !== conversation_id) return
    const other: Other = { number, name, how }
    talk.others = [...talk.others.filter((one) => one.number !== number), other]
  }

  return {
    mine, waiting, live, phase, opened, openPhase, openError, hasOlder, offers, ongoing, others, unread, answers,
    load, open, show, close, loadOlder, loadNewer, put, answerTo, say, accept, take, decline, passOn, end, read, look,
    readAgain, takeNews, lookedAt,
  }
})
