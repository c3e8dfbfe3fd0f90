/** China's ring: 1 s of tone, 4 s of pause. */
const CYCLE_S = 5
const BURST_S = 1

/** A soft double chime made by WebAudio, so that no sound file is needed. */
export class RingTone {
  private context: AudioContext | null = null
  private timer: ReturnType<typeof setInterval> | null = null

  /** To be called in a click or keypress: browsers keep a page silent until it is touched. */
  unlock(): void {
    this.context ??= new AudioContext()
    void this.context.resume()
  }

  start(): void {
    if (this.timer !== null) return
    this.unlock()
    this.burst()
    this.timer = setInterval(() => this.burst(), CYCLE_S * 1000)
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer)
    this.timer = null
    void this.context?.close()
    this.context = null
  }

  private burst(): void {
    const context = this.context
    if (context?.state !== 'running') {
      this.unlock()
      if (context === null) return
    }
    const at = context.currentTime + 0.02
    for (const [frequency, delay] of [[660, 0], [880, 0.16], [660, 0.5], [880, 0.66]] as const) {
      this.note(context, frequency, at + delay)
    }
  }

  private note(context: AudioContext, frequency: number, at: number): void {
    const oscillator = context.createOscillator()
    const volume = context.createGain()
    oscillator.frequency.value = frequency
    volume.gain.setValueAtTime(0, at)
    volume.gain.linearRampToValueAtTime(0.18, at + 0.02)
    volume.gain.exponentialRampToValueAtTime(0.001, at + BURST_S / 3)
    oscillator.connect(volume).connect(context.destination)
    oscillator.start(at)
    oscillator.stop(at + BURST_S / 3)
  }
}
