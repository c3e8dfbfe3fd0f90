import type { TicketEvent } from '@/api/types'
import type { Assignment, Casefile } from '@/casework/types'

/** Tickets for tests: what a test does not name is as it mostly is. */
export function assignment(changes: Partial<Assignment> = {}): Assignment {
  return {
    n: 1,
    unit: 'CGJ',
    unit_name: '城管执法局',
    unit_name_en: 'Urban Management Bureau',
    role: 'lead',
    round: 1,
    state: 'in_hand',
    designated: false,
    dispatched_at: '2026-03-02T01:00:00Z',
    sign_due_at: '2026-03-02T03:00:00Z',
    signed_at: '2026-03-02T02:00:00Z',
    due_at: '2026-03-09T10:00:00Z',
    due_provisional: false,
    limit: '5wd',
    extended: false,
    overdue: false,
    sign_overdue: false,
    replied_at: null,
    finished_at: null,
    ended_at: null,
    ...changes,
  }
}

export function event(seq: number, name: string, detail: unknown = {}, actor: string | null = '2001'): TicketEvent {
  return { seq, event: name, from_state: null, to_state: null, at: `2026-03-02T0${seq}:00:00Z`, actor, detail }
}

export function casefile(changes: Partial<Casefile> = {}): Casefile {
  return {
    id: 7,
    number: '20260302-000007',
    type: 'complaint',
    category: '2005',
    category_name: '建筑施工噪声',
    title: '工地夜间施工',
    text: '连续三晚施工到零点以后。',
    address: '江滨路 8 号',
    urgency: 'normal',
    confidential: false,
    call_me_not: false,
    state: 'in_hand',
    state_zh: '办理中',
    state_en: 'in hand',
    created_at: '2026-03-02T00:00:00Z',
    closed_at: null,
    rating: null,
    agent: '1001',
    citizen: null,
    contacts: [],
    events: [event(1, 'registered'), event(2, 'dispatched'), event(3, 'signed', { n: 1 }, '3001')],
    callbacks: [],
    version: 3,
    assignments: [assignment()],
    lane: null,
    lane_course: null,
    pending: {},
    returns: [],
    actions: ['reply:1', 'return:1', 'extension:1', 'help:1', 'lane:1', 'stop'],
    attachments: [],
    joined: [],
    joined_count: 0,
    main: null,
    ...changes,
  }
}
