// gzip: compresses and takes apart again, by what the web platform has.
import * as Effect from "effect/Effect"

const through = async (
  bytes: Uint8Array<ArrayBuffer>,
  step: CompressionStream | DecompressionStream
): Promise<Uint8Array<ArrayBuffer>> => {
  const writer = step.writable.getWriter()
  // What is wrong with the bytes is heard of by whoever reads.
  const written = Promise.allSettled([writer.write(bytes), writer.close()])
  const result = new Uint8Array(await new Response(step.readable).arrayBuffer())
  await written
  return result
}

/** A text as gzip'd UTF-8. */
export const pack = (text: string): Effect.Effect<Uint8Array<ArrayBuffer>> =>
  Effect.promise(() => through(new TextEncoder().encode(text), new CompressionStream("gzip")))

/** The text of gzip'd UTF-8; undefined where it is not that. */
export const unpack = (bytes: Uint8Array<ArrayBuffer>): Effect.Effect<string | undefined> =>
  Effect.promise(() =>
    through(bytes, new DecompressionStream("gzip")).then(
      (plain) => {
        try {
          return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(plain)
        } catch {
          return undefined
        }
      },
      () => undefined
    )
  )
