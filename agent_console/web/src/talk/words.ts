import type { TalkSummary } from './types'

type Translate = (key: string, params?: Record<string, unknown>) => string

/** What a citizen is called in lists: by the name he gave, his number, or what he is. */
export function whoWrites(talk: TalkSummary, t: Translate): string {
  return talk.citizen?.name ?? talk.citizen?.phone_masked ?? t(talk.channel.startsWith('wechat') ? 'talk.anonymous' : 'talk.citizen')
}

/** The beginning of the last message, and who said it when it was not the citizen. */
export function preview(talk: TalkSummary, t: Translate): string {
  const words = talk.preview === '' ? t('talk.only_files') : talk.preview
  if (talk.preview_speaker === 'agent') return t('talk.you') + words
  return talk.preview_speaker === 'guide' ? t('talk.guide') + words : words
}
