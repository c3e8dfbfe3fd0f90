import { describe, expect, it } from 'vitest'

import { abilities, type LineEvent, type LinePhase, nextPhase, PHASES } from '@/phone/line'

const walk = (...events: LineEvent[]) =>
  events.reduce<LinePhase | null>((phase, event) => (phase === null ? null : nextPhase(phase, event)), 'idle')

describe('the line', () => {
  it.each<[string, LineEvent[], LinePhase]>([
    ['rings', ['incoming'], 'ringing'],
    ['is answered', ['incoming', 'answer', 'established'], 'talking'],
    ['is hung up by the agent', ['incoming', 'answer', 'established', 'hang_up', 'over'], 'idle'],
    ['is hung up by the citizen', ['incoming', 'answer', 'established', 'over'], 'idle'],
    ['is given up by the citizen while ringing', ['incoming', 'over'], 'idle'],
    ['is refused by the agent', ['incoming', 'hang_up', 'over'], 'idle'],
    ['rings on when the microphone is refused', ['incoming', 'answer', 'refused_microphone'], 'ringing'],
    ['dials', ['dial', 'established'], 'talking'],
    ['does not dial without a microphone', ['dial', 'refused_microphone'], 'idle'],
  ])('%s', (_, events, phase) => {
    expect(walk(...events)).toBe(phase)
  })

  it.each<[string, LineEvent[]]>([
    ['a second call while talking', ['incoming', 'answer', 'established', 'incoming']],
    ['a second answer', ['incoming', 'answer', 'answer']],
    ['a hang-up of nothing', ['hang_up']],
    ['an answer without a ring', ['answer']],
  ])('refuses %s', (_, events) => {
    expect(walk(...events)).toBeNull()
  })

  it('comes back to idle from every phase when the call is over', () => {
    const busy = PHASES.filter((phase) => phase !== 'idle')
    expect(busy.map((phase) => nextPhase(phase, 'over'))).toEqual(busy.map(() => 'idle'))
  })

  it('can be answered only while it rings and hung up whenever there is a call', () => {
    const answerable = PHASES.filter((phase) => abilities(phase, true).answer)
    const endable = PHASES.filter((phase) => abilities(phase, true).hangUp)
    expect(answerable).toEqual(['ringing'])
    expect(endable).toEqual(['ringing', 'answering', 'dialing', 'talking'])
  })

  it('dials from the keypad only with a registered phone', () => {
    expect([abilities('idle', true).keypad, abilities('idle', false).keypad]).toEqual([true, false])
  })
})
