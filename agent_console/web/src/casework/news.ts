import type { FeedEntry, Hint } from '@/api/types'
import { useBell } from '@/stores/bell'

/** What of the feed rings the bell; all else only makes the page look again. */
const KINDS = new Set(['ticket.assigned', 'ticket.warned', 'ticket.sent_back', 'ticket.instructed', 'paper.issued'])

/** Takes news to the bell. @param to where a ticket lies on this page. */
export function useNews(to: (ticketId: number) => string): { tell: (news: Hint, durable: boolean) => void } {
  const bell = useBell()

  function tell(news: Hint, durable: boolean): void {
    if (!durable || !KINDS.has(news.type)) return
    const { ticket_id: id, number } = (news.data ?? {}) as { ticket_id?: number; number?: string }
    bell.ring({
      id: String((news as FeedEntry).seq),
      kind: news.type.replace('.', '_'),
      at: news.at ?? '',
      number: number ?? '',
      to: id === undefined ? '' : to(id),
    })
  }

  return { tell }
}
