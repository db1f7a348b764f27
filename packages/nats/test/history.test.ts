// Histories of streams whose appends are of several events: their pages end within a message, and nothing is left out.
import * as Effect from "effect/Effect"
import * as StreamName from "evolvent/StreamName"
import type { EventStore } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import { expect, it } from "vitest"
import { serve } from "./support/served.ts"
import { layoutOf, open } from "./support/storing.ts"

const server = await serve({ version: process.env["NATS_VERSION"] })

const revisionsOf = (store: EventStore["Service"], stream: StreamName.StreamName, from: number) => {
  const found: Array<number> = []
  const take = ({ data, revision }: { readonly revision: number; readonly data: ReadonlyArray<unknown> }) =>
    Effect.sync(() => {
      for (const [i, n] of data.entries()) {
        expect(n).toEqual({ n: revision + i })
        found.push(revision + i)
      }
      return true
    })
  return Effect.as(store.history(stream, take, { from: Revision.make(from) }), found)
}

const appending = (store: EventStore["Service"], stream: StreamName.StreamName, lengths: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    let n = 0
    for (const length of lengths) {
      yield* store.append(
        stream,
        Array.from({ length }, () => ({ type: "Counted", data: { n: n++ } }))
      )
    }
    return n
  })

// Few messages are got by their numbers, many by a feed; how many there will be is guessed by those at the end.
const shapes = [
  { what: "seven events each, by a feed", lengths: Array.from({ length: 600 }, () => 7) },
  { what: "many events each, by their numbers", lengths: Array.from({ length: 40 }, () => 100) },
  {
    what: "one event each, behind a few large ones",
    lengths: [1000, 1000, 1000, ...Array.from({ length: 40 }, () => 1)]
  },
  {
    what: "large ones behind many of one event",
    lengths: [...Array.from({ length: 700 }, () => 1), 1000, 1000, 3]
  }
]

for (const [i, { lengths, what }] of shapes.entries()) {
  it(
    `a history is whole, whoever begins it where: messages of ${what}`,
    () =>
      Effect.runPromise(
        Effect.scoped(
          Effect.gen(function* () {
            const store = yield* open(server.url, layoutOf("history"))
            const stream = StreamName.make("Counter", `of${i}`)
            const count = yield* appending(store, stream, lengths)
            for (const from of [0, 1, 6, 700, 1023, 1024, count - 1]) {
              const expected = Array.from({ length: count - from }, (_, at) => from + at)
              expect(yield* revisionsOf(store, stream, from)).toEqual(expected)
            }
          })
        )
      ),
    60_000
  )
}
