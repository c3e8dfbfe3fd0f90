export type PageName = 'console' | 'desk' | 'dispatch' | 'supervision' | 'reports' | 'police' | 'devices' | 'channels'

interface Page {
  name: PageName
  address: string
  /** Whoever has one of these permissions works there. */
  opens: readonly string[]
  /** What the city must have for there to be anything on it. */
  needs?: 'police' | 'one_touch'
}

type Features = Partial<Record<'police' | 'one_touch', boolean>>

const PAGES: readonly Page[] = [
  { name: 'console', address: '/', opens: ['ticket.write'] },
  { name: 'desk', address: '/desk', opens: ['unit.work'] },
  { name: 'dispatch', address: '/dispatch', opens: ['ticket.dispatch', 'ticket.audit', 'ticket.instruct', 'ticket.approve_stop'] },
  { name: 'supervision', address: '/supervision', opens: ['supervision.read', 'supervision.issue', 'supervision.answer'] },
  { name: 'reports', address: '/reports', opens: ['rates.read', 'rates.read_own'] },
  { name: 'police', address: '/police', opens: ['police.watch'], needs: 'police' },
  { name: 'devices', address: '/devices', opens: ['device.manage'], needs: 'one_touch' },
  { name: 'channels', address: '/channels', opens: ['reply.review', 'channel.manage'] },
]

/** Where the day's work lies, by the permission that makes it one's work; the first that fits counts. */
const HOMES: readonly (readonly [string, PageName])[] = [
  ['phone.use', 'console'],
  ['unit.work', 'desk'],
  ['ticket.dispatch', 'dispatch'],
  ['rates.read', 'reports'],
  ['channel.manage', 'channels'],
]

/** The pages on which this person can do or read something, in the order of the navigation. */
export function pagesFor(permissions: readonly string[], features: Features = {}): Page[] {
  return PAGES.filter(({ opens, needs }) => (needs === undefined || features[needs] === true) && opens.some((one) => permissions.includes(one)))
}

/** The page where this person's work is; the first page also serves whoever has none. */
export function homeOf(permissions: readonly string[]): Page {
  const name = HOMES.find(([permission]) => permissions.includes(permission))?.[1] ?? 'console'
  return PAGES.find((page) => page.name === name) as Page
}

/** Whether this page is one of this person's; the first page receives whoever has no other. */
export function mayOpen(name: PageName, permissions: readonly string[], features: Features = {}): boolean {
  return pagesFor(permissions, features).some((page) => page.name === name) || homeOf(permissions).name === name
}
