/** Why there is no microphone; each has a sentence that says what to do. */
export type MicrophoneProblem = 'insecure' | 'denied' | 'missing' | 'busy'

export class NoMicrophone extends Error {
  readonly problem: MicrophoneProblem

  constructor(problem: MicrophoneProblem, cause?: unknown) {
    super(`no microphone: ${problem}`, { cause })
    this.name = 'NoMicrophone'
    this.problem = problem
  }
}

const WANTED: MediaStreamConstraints = {
  audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  video: false,
}

const PROBLEMS: Readonly<Record<string, MicrophoneProblem>> = {
  NotAllowedError: 'denied',
  SecurityError: 'denied',
  NotFoundError: 'missing',
  OverconstrainedError: 'missing',
}

/** Opens the microphone; the caller closes the tracks. Raises NoMicrophone with the reason. */
export async function openMicrophone(): Promise<MediaStream> {
  // Browsers hide the whole interface on a plain-http page that is not the loopback.
  const devices = navigator.mediaDevices as MediaDevices | undefined
  if (devices === undefined) throw new NoMicrophone('insecure')
  try {
    return await devices.getUserMedia(WANTED)
  } catch (cause) {
    throw new NoMicrophone(PROBLEMS[(cause as DOMException).name] ?? 'busy', cause)
  }
}

export function closeMicrophone(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop()
}
