/** Loudness of the two ends, 0 to 1, for a meter. */
export class LevelMeters {
  private context: AudioContext | null = null
  private readonly taps = new Map<MediaStream, { source: MediaStreamAudioSourceNode; analyser: AnalyserNode }>()
  private readonly samples = new Float32Array(512)

  level(stream: MediaStream | null): number {
    if (stream === null || stream.getAudioTracks().length === 0) return 0
    const analyser = this.tap(stream)
    analyser.getFloatTimeDomainData(this.samples)
    let sum = 0
    for (const sample of this.samples) sum += sample * sample
    return loudness(Math.sqrt(sum / this.samples.length))
  }

  release(): void {
    for (const { source } of this.taps.values()) source.disconnect()
    this.taps.clear()
    void this.context?.close()
    this.context = null
  }

  private tap(stream: MediaStream): AnalyserNode {
    const known = this.taps.get(stream)
    if (known !== undefined) return known.analyser
    this.context ??= new AudioContext()
    const source = this.context.createMediaStreamSource(stream)
    const analyser = this.context.createAnalyser()
    analyser.fftSize = 512
    source.connect(analyser)
    this.taps.set(stream, { source, analyser })
    return analyser
  }
}

/** Root mean square to 0..1 on a scale of decibels: −54 dB and below is 0, −6 dB and above is 1. */
export function loudness(rms: number): number {
  if (rms <= 0) return 0
  return Math.min(1, Math.max(0, (20 * Math.log10(rms) + 54) / 48))
}
