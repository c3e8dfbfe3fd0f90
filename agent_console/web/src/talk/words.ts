import type { TalkSummary } from './types'

type Translate = (key: string, params?: Record<string, unknown>) => string

/** What a citizen is called in lists: by the name he gave, his number, or what he is. */
export function whoWrites(talk: TalkSummary, t: Translate): string {
  const known = talk.citizen?.name ?? talk.citizen?.phone_masked
  if (known != null) return known
  // Without a name two of them must still be told apart.
  const what = t(talk.channel.startsWith('wechat') ? 'talk.anonymous' : 'talk.citizen')
  return `${what} ${talk.citizen?.id ?? talk.id}`
}

/** The beginning of the last message, and who said it when it was an agent. */
export function preview(talk: TalkSummary, t: Translate, me: string): string {
  if (talk.preview_speaker == null) return ''
  const words = talk.preview === '' ? t('talk.only_files') : talk.preview
  if (talk.preview_speaker === 'citizen') return words
  return t('talk.said_by', { name: talk.agent === me ? t('talk.me') : (talk.agent_name ?? t('talk.speaker.agent')), words })
}
