/** A telephone for one call, as the server gives it. */
export interface GuestPhone {
  account: string
  password: string
  uri: string
  /** Path of the WebSocket on which SIP is spoken, with its pass. */
  socket: string
  hotline: string
  expires_at: string
}

export type LineState = 'idle' | 'preparing' | 'calling' | 'talking' | 'over'
export type Failure = '' | 'microphone' | 'unsupported' | 'busy' | 'lost'
