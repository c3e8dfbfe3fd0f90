import type { CallNews, FeedEntry, Hint } from '@/api/types'

/** How many call changes are remembered; a shift has far fewer open at once. */
const REMEMBERED = 512

/**
 * Tells news from repetition. The same change of a call comes by two roads, as a quick hint and as a
 * durable entry, and either may be first; entries repeat after a reconnect.
 */
export class FeedSequence {
  private last: number | null
  private readonly seen = new Set<string>()

  constructor(last: number | null = null) {
    this.last = last
  }

  /** The number to give the server on connecting; null asks for no replay. */
  get lastSeq(): number | null {
    return this.last
  }

  /**
   * Begins anew where the server says: a new page, or one whose place the server no longer has (away for
   * longer than entries are kept, a database put back from a backup).
   */
  startAt(seq: number): void {
    this.last = seq
  }

  /**
   * True when a durable entry was not taken before. It is told even after its hint: the hint came while
   * the call was still being written down, and whoever read it then has not seen it as it stands now.
   */
  takeEntry(entry: FeedEntry): boolean {
    if (this.last !== null && entry.seq <= this.last) return false
    this.last = entry.seq
    this.takeOnce(entry)
    return true
  }

  /** True when a hint says what no entry has said before. Hints about state, such as presence, always do. */
  takeHint(hint: Hint): boolean {
    return this.takeOnce(hint)
  }

  private takeOnce(news: Hint): boolean {
    const key = keyOf(news)
    if (key === null) return true
    if (this.seen.has(key)) return false
    this.seen.add(key)
    if (this.seen.size > REMEMBERED) {
      const [oldest] = this.seen
      if (oldest !== undefined) this.seen.delete(oldest)
    }
    return true
  }
}

/** A call is offered, answered and ended once; it may be held, resumed and rung again many times. */
const ONCE = new Set(['call.offered', 'call.answered', 'call.ended'])

function keyOf(news: Hint): string | null {
  if (!ONCE.has(news.type)) return null
  const { linkedid } = news.data as Partial<CallNews>
  return linkedid === undefined ? null : `${linkedid} ${news.type}`
}
