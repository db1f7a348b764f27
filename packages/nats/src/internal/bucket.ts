// bucket: a key-value bucket of NATS: read at its leader, written by compare-and-set.
import * as Effect from "effect/Effect"
import type { Headers } from "../NatsClient.ts"
import type { Failure, JetStream, StreamConfig } from "./jetstream.ts"
import { isWrongLast, patiently } from "./jetstream.ts"
import { base } from "./layout.ts"

/** What stands under a key; a deleted key has no value, but headers and a revision. */
export interface Entry {
  readonly value: string | undefined
  readonly revision: number
  readonly header: (name: string) => string | undefined
}

/** The revision of a key that nobody has written. */
export const never = 0

/** How many bytes an entry makes as a message, with room for the headers that writing it adds. */
export const bytesOf = (value: string | undefined, headers: Headers = []): number =>
  headers.reduce((sum, [name, text]) => sum + name.length + Buffer.byteLength(text) + 4, 256) +
  Buffer.byteLength(value ?? "")

const deleted: Headers = [["KV-Operation", "DEL"]]

/** A bucket; keys are tokens with dots between them, as `names.token` makes them. */
export const make = (jetstream: JetStream, config: StreamConfig) => {
  const stream = config.name
  const prefix = base(config)

  const get = (key: string): Effect.Effect<Entry | undefined, Failure> =>
    Effect.map(jetstream.last(stream, prefix + key), (found) =>
      found === undefined
        ? undefined
        : {
            value: found.header("KV-Operation") === undefined ? found.text() : undefined,
            revision: found.sequence,
            header: found.header
          }
    )

  const publish = (key: string, value: string | undefined, headers: Headers, expected: number) =>
    Effect.map(
      jetstream.publish(prefix + key, value ?? "", value === undefined ? [...deleted, ...headers] : headers, expected),
      ({ sequence }) => sequence
    )

  return {
    stream,
    prefix,
    get,
    /**
     * Writes a key, or deletes it where `value` is undefined, if its revision is the one that is expected; gives its new
     * revision, or undefined where it is another one.
     *
     * Where an answer is lost it is sent again: then the revision may be another one because of this very write, which
     * `isMine` tells by what stands there.
     */
    set: (
      key: string,
      value: string | undefined,
      expected: number,
      isMine: (entry: Entry) => boolean,
      headers: Headers = []
    ): Effect.Effect<number | undefined, Failure> => {
      let sent = 0
      const once = Effect.suspend(() => {
        sent += 1
        return publish(key, value, headers, expected)
      })
      return patiently(once).pipe(
        Effect.catchIf(isWrongLast, () =>
          sent === 1
            ? Effect.undefined
            : Effect.map(get(key), (entry) => (entry !== undefined && isMine(entry) ? entry.revision : undefined))
        )
      )
    }
  }
}

export type Bucket = ReturnType<typeof make>
