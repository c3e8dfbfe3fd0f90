import { solve } from '@/api/sha256'

interface Task {
  challenge: string
  bits: number
}

self.onmessage = ({ data }: MessageEvent<Task>) => {
  self.postMessage(solve(data.challenge, data.bits))
}
