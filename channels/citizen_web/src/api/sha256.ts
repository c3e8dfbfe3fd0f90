/** SHA-256 (FIPS 180-4) that does not wait: the browser's own gives each digest in a promise, which is far slower here. */

const K = new Uint32Array(64)
const START = new Uint32Array(8)

function fill(): void {
  let n = 0
  for (let candidate = 2; n < 64; candidate += 1) {
    let prime = true
    for (let divisor = 2; divisor * divisor <= candidate; divisor += 1) prime &&= candidate % divisor !== 0
    if (!prime) continue
    if (n < 8) START[n] = (Math.sqrt(candidate) % 1) * 2 ** 32
    K[n] = (Math.cbrt(candidate) % 1) * 2 ** 32
    n += 1
  }
}
fill()

const w = new Uint32Array(64)

function compress(state: Uint32Array, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 16; i += 1) {
    const j = at + i * 4
    w[i] = ((bytes[j] ?? 0) << 24) | ((bytes[j + 1] ?? 0) << 16) | ((bytes[j + 2] ?? 0) << 8) | (bytes[j + 3] ?? 0)
  }
  for (let i = 16; i < 64; i += 1) {
    const x = w[i - 15] ?? 0
    const y = w[i - 2] ?? 0
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
    w[i] = ((w[i - 16] ?? 0) + s0 + (w[i - 7] ?? 0) + s1) | 0
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state
  for (let i = 0; i < 64; i += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const one = (h + s1 + ((e & f) ^ (~e & g)) + (K[i] ?? 0) + (w[i] ?? 0)) | 0
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + one) | 0
    d = c
    c = b
    b = a
    a = (one + two) | 0
  }
  const ended = [a, b, c, d, e, f, g, h]
  for (let i = 0; i < 8; i += 1) state[i] = ((state[i] ?? 0) + (ended[i] ?? 0)) | 0
}

/** Digests of texts that begin alike: what they share is digested once. Texts are ASCII. */
export class Digester {
  private readonly shared = START.slice()
  private readonly tail: Uint8Array
  private readonly head: number
  private readonly state = new Uint32Array(8)
  private readonly block = new Uint8Array(128)

  constructor(beginning: string) {
    const bytes = new TextEncoder().encode(beginning)
    this.head = bytes.length - (bytes.length % 64)
    for (let at = 0; at < this.head; at += 64) compress(this.shared, bytes, at)
    this.tail = bytes.subarray(this.head)
  }

  /** The eight words of the digest of the beginning and this ending, of at most 55 characters; valid until the next call. */
  digest(ending: string): Uint32Array {
    const { block, state, tail } = this
    block.fill(0)
    block.set(tail)
    for (let i = 0; i < ending.length; i += 1) block[tail.length + i] = ending.charCodeAt(i)
    const length = tail.length + ending.length
    block[length] = 0x80
    const blocks = length + 9 > 64 ? 2 : 1
    const bits = (this.head + length) * 8
    new DataView(block.buffer).setUint32(blocks * 64 - 4, bits)
    state.set(this.shared)
    for (let at = 0; at < blocks; at += 1) compress(state, block, at * 64)
    return state
  }
}

/** How many zero bits a digest begins with. */
export function leadingZeros(digest: Uint32Array): number {
  let zeros = 0
  for (const word of digest) {
    zeros += Math.clz32(word)
    if (word !== 0) break
  }
  return zeros
}

/** The smallest number that, written behind the text, gives a digest with so many leading zero bits. */
export function solve(text: string, bits: number): string {
  const digester = new Digester(text)
  for (let nonce = 0; ; nonce += 1) {
    const written = String(nonce)
    if (leadingZeros(digester.digest(written)) >= bits) return written
  }
}
