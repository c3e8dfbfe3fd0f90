import type { TicketSummary } from '@/api/types'

/** The server's word for where a ticket stands; English ones begin with a capital on the screen. */
export function stateWord(ticket: Pick<TicketSummary, 'state_zh' | 'state_en'>, english: boolean): string {
  const { state_en, state_zh } = ticket
  return english ? state_en.charAt(0).toUpperCase() + state_en.slice(1) : state_zh
}
