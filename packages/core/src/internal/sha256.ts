// SHA-256 of a text, synchronously: ids that derive from a command must not depend on the order of async callbacks.

// The constants of FIPS 180-4: fractional parts of the roots of the first primes.
const primes: Array<number> = []
for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p !== 0)) primes.push(n)
const fraction = (root: number): number => ((root - Math.floor(root)) * 0x1_0000_0000) >>> 0
const roundConstants = Uint32Array.from(primes, (p) => fraction(Math.cbrt(p)))
const initialState = Uint32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p)))

const rotate = (x: number, n: number): number => (x >>> n) | (x << (32 - n))
const encoder = new TextEncoder()

const pad = (message: Uint8Array): DataView => {
  const padded = new Uint8Array(((message.length + 8) >> 6) * 64 + 64)
  padded.set(message)
  padded[message.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(padded.length - 8, Math.floor(message.length / 0x2000_0000))
  view.setUint32(padded.length - 4, message.length << 3)
  return view
}

/** The 32 bytes of the SHA-256 of a text's UTF-8 form. */
export const digest = (text: string): Uint8Array => {
  const view = pad(encoder.encode(text))
  const state = Uint32Array.from(initialState)
  const w = new Uint32Array(64)
  const at = (array: Uint32Array, i: number): number => array[i] as number
  for (let block = 0; block < view.byteLength; block += 64) {
    for (let i = 0; i < 16; i++) w[i] = view.getUint32(block + i * 4)
    for (let i = 16; i < 64; i++) {
      const a = at(w, i - 15)
      const b = at(w, i - 2)
      const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3)
      const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10)
      w[i] = at(w, i - 16) + s0 + at(w, i - 7) + s1
    }
    let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number]
    for (let i = 0; i < 64; i++) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + at(roundConstants, i) + at(w, i)) | 0
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
      h = g
      g = f
      f = e
      e = (d + t1) | 0
      d = c
      c = b
      b = a
      a = (t1 + t2) | 0
    }
    const words = [a, b, c, d, e, f, g, h]
    for (let i = 0; i < 8; i++) state[i] = at(state, i) + (words[i] as number)
  }
  const bytes = new Uint8Array(32)
  const out = new DataView(bytes.buffer)
  state.forEach((word, i) => out.setUint32(i * 4, word))
  return bytes
}

/** The SHA-256 of a text in lower-case hexadecimal. */
export const hexDigest = (text: string): string =>
  Array.from(digest(text), (b) => b.toString(16).padStart(2, "0")).join("")
