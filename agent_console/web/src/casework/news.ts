import type { FeedEntry, Hint } from '@/api/types'
import { useBell } from '@/stores/bell'

/** What of the feed rings the bell; all else only makes the page look again. */
const KINDS = new Set([
  'ticket.assigned', 'deadline.warning', 'deadline.sign_overdue', 'deadline.talk_missed', 'deadline.decision_overdue',
  'supervision.issued', 'supervision.minuted', 'supervision.replied', 'supervision.closed', 'supervision.delisted', 'supervision.withdrawn',
])

/**
 * Takes news to the bell.
 *
 * @param to where a ticket lies on this page; empty when it does not.
 * @param toPaper where a supervision paper lies on this page; without it the paper's ticket is shown.
 */
export function useNews(to: (ticketId: number) => string, toPaper?: (paperId: number) => string): { tell: (news: Hint, durable: boolean) => void } {
  const bell = useBell()

  function tell(news: Hint, durable: boolean): void {
    if (!durable || !KINDS.has(news.type)) return
    const { ticket_id: id, paper_id: paper, number } = (news.data ?? {}) as { ticket_id?: number; paper_id?: number; number?: string }
    const place = paper !== undefined && toPaper !== undefined ? toPaper(paper) : id === undefined ? '' : to(id)
    bell.ring({
      id: String((news as FeedEntry).seq),
      kind: news.type.replace('.', '_'),
      at: news.at ?? '',
      number: number ?? '',
      to: place,
    })
  }

  return { tell }
}
