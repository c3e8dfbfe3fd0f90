import { ask } from '@/api/http'
import { solve } from '@/api/sha256'
import type { ChallengeView, Proof, Purpose } from '@/api/types'

/** Work that keeps robots away and asks nothing of people: no letters to read, no pictures to tell apart. */
export async function prove(purpose: Purpose): Promise<Proof> {
  const { challenge, bits } = await ask<ChallengeView>('POST', '/challenges', { purpose })
  return { challenge, nonce: await inWorker(challenge, bits) }
}

function inWorker(challenge: string, bits: number): Promise<string> {
  return new Promise((resolve) => {
    let worker: Worker
    const here = () => {
      // Without a worker the page stands still for a moment, which is better than not to be heard.
      resolve(solve(challenge, bits))
    }
    try {
      worker = new Worker(new URL('./proof.worker.ts', import.meta.url), { type: 'module' })
    } catch {
      here()
      return
    }
    worker.onmessage = ({ data }: MessageEvent<string>) => {
      worker.terminate()
      resolve(data)
    }
    worker.onerror = () => {
      worker.terminate()
      here()
    }
    worker.postMessage({ challenge, bits })
  })
}
