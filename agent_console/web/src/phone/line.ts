/** The agent's one line as a table: (phase, event) → phase. Anything else is refused. */

export type LinePhase = 'idle' | 'ringing' | 'answering' | 'dialing' | 'talking' | 'ending'
export type LineEvent = 'incoming' | 'answer' | 'dial' | 'established' | 'hang_up' | 'over' | 'refused_microphone'

const TABLE: Readonly<Record<LinePhase, Partial<Record<LineEvent, LinePhase>>>> = {
  idle: { incoming: 'ringing', dial: 'dialing' },
  ringing: { answer: 'answering', hang_up: 'ending', over: 'idle' },
  // Without a microphone the call keeps ringing, so that it can be answered once it is allowed.
  answering: { established: 'talking', hang_up: 'ending', over: 'idle', refused_microphone: 'ringing' },
  dialing: { established: 'talking', hang_up: 'ending', over: 'idle', refused_microphone: 'idle' },
  talking: { hang_up: 'ending', over: 'idle' },
  ending: { over: 'idle' },
}

/** The next phase, or null when this event means nothing in this phase. */
export function nextPhase(phase: LinePhase, event: LineEvent): LinePhase | null {
  return TABLE[phase][event] ?? null
}

export const PHASES = Object.keys(TABLE) as LinePhase[]

export interface Abilities {
  answer: boolean
  hangUp: boolean
  mute: boolean
  hold: boolean
  keypad: boolean
}

/** Which buttons work now. They never disappear: a hand must find them where they were. */
export function abilities(phase: LinePhase, phoneReady: boolean): Abilities {
  return {
    answer: phase === 'ringing',
    hangUp: phase !== 'idle' && phase !== 'ending',
    mute: phase === 'talking',
    hold: phase === 'talking',
    keypad: phase === 'talking' || (phase === 'idle' && phoneReady),
  }
}
