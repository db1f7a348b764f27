// read: prints the events of a stream, a category or all of a store, and follows what comes.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Recorded } from "evolvent/EventData"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import { onStore } from "./connection.ts"
import { jsonLines, lines } from "./events.ts"
import { isJson } from "./globals.ts"
import { print, style } from "./output.ts"
import { events, exists, filterOf } from "./selection.ts"
import type { Narrowing, Selection } from "./selection.ts"

const printer = Effect.gen(function* () {
  const [json, paint] = [yield* isJson, yield* style]
  return (page: ReadonlyArray<Recorded>) =>
    page.length === 0 ? Effect.void : print(json ? jsonLines(page) : lines(page, paint))
})

/** Prints what is stored now. */
export const read = (selection: Selection) =>
  Effect.flatMap(events(selection), (found) =>
    onStore(
      Effect.gen(function* () {
        const show = yield* printer
        let printed = 0
        yield* Stream.runForEachArray(found, (page) => {
          printed += page.length
          return show(page)
        })
        if (printed === 0) yield* exists(selection.what)
      })
    )
  )

/** The last events, and with `follow` all that come, until somebody ends it. */
export const tail = ({ follow, limit, what, ...narrowing }: Narrowing & Tailing) =>
  Effect.flatMap(filterOf(what, narrowing), (filter) =>
    onStore(
      Effect.gen(function* () {
        let printed = 0
        const show = yield* printer
        const store = yield* EventStore
        const head = yield* store.head
        if (limit > 0 && head > Position.beginning) {
          const options = { direction: "backwards", from: { position: head }, limit } as const
          const last = yield* Stream.runCollect(store.read(filter, options))
          printed = last.length
          yield* show(last.toReversed())
        }
        // Who follows may wait for the first one.
        if (!follow) return printed === 0 ? yield* exists(what) : undefined
        yield* Stream.runForEach(store.subscribe(filter, { after: head }), ({ events }) => show(events))
      })
    )
  )

interface Tailing {
  readonly what: string
  readonly limit: number
  readonly follow: boolean
}
