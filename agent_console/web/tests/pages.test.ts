import { describe, expect, it } from 'vitest'

import { homeOf, mayOpen, pagesFor } from '@/shell/pages'

const AGENT = ['ticket.read', 'ticket.write', 'phone.use', 'presence.set']
const DISPATCHER = ['ticket.read', 'ticket.write', 'ticket.dispatch', 'ticket.audit', 'supervision.issue', 'rates.read', 'reply.review']
const CLERK = ['ticket.read', 'unit.work', 'supervision.answer', 'rates.read_own']
const LEADER = ['ticket.read', 'ticket.instruct', 'ticket.approve_stop', 'supervision.read', 'rates.read']
const ANALYST = ['rates.read', 'supervision.read']
const ADMINISTRATOR = ['user.manage', 'unit.manage', 'channel.manage']

const names = (permissions: string[]) => pagesFor(permissions).map(({ name }) => name)

describe('the pages of a person', () => {
  it.each([
    ['agent', AGENT, 'console', ['console']],
    ['dispatcher', DISPATCHER, 'dispatch', ['console', 'dispatch', 'supervision', 'reports', 'channels']],
    ['clerk of a unit', CLERK, 'desk', ['desk', 'supervision', 'reports']],
    ['leader', LEADER, 'reports', ['dispatch', 'supervision', 'reports']],
    ['analyst', ANALYST, 'reports', ['supervision', 'reports']],
    ['administrator', ADMINISTRATOR, 'channels', ['channels']],
  ])('of a %s begin where the work is', (_role, permissions, home, pages) => {
    expect(homeOf(permissions).name).toBe(home)
    expect(names(permissions)).toEqual(pages)
    expect(mayOpen(homeOf(permissions).name, permissions)).toBe(true)
  })

  it('are only those that the city has something for', () => {
    const lead = ['police.watch', 'device.manage']
    expect(names(lead)).toEqual([])
    expect(pagesFor(lead, { police: true }).map(({ name }) => name)).toEqual(['police'])
    expect(pagesFor(lead, { police: true, one_touch: true }).map(({ name }) => name)).toEqual(['police', 'devices'])
    expect(mayOpen('devices', lead, { police: true })).toBe(false)
  })

  it('do not contain another person’s desk', () => {
    expect(mayOpen('console', CLERK)).toBe(false)
    expect(mayOpen('desk', AGENT)).toBe(false)
    expect(mayOpen('dispatch', CLERK)).toBe(false)
  })
})
