// A read that begins where another one stopped sees what was stored before it began, though it goes on with that one's feed.
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import * as Position from "evolvent/Position"
import * as StreamName from "evolvent/StreamName"
import { serve } from "./support/served.ts"
import { layoutOf, open } from "./support/storing.ts"

const server = await serve()

for (const limit of [1, 63, 64, 65, 99]) {
  it.live(`what is appended behind the first ${limit} of a hundred events is read with the rest`, () =>
    Effect.gen(function* () {
      const store = yield* open(server.url, layoutOf(`again${limit}`))
      const append = (n: number) => store.append(StreamName.make("Account", String(n)), [{ type: "Noted", data: {} }])
      for (let n = 0; n < 100; n++) yield* append(n)
      const filter = EventFilter.category("Account")
      const first = yield* Stream.runCollect(store.read(filter, { limit }))
      expect(first.length).toBe(limit)
      for (let n = 100; n < 105; n++) yield* append(n)
      const position = Position.make((first.at(-1)?.position ?? 0) + 1)
      const rest = yield* Stream.runCollect(store.read(filter, { from: { position } }))
      expect([...first, ...rest].map(({ streamId }) => Number(streamId))).toEqual(
        Array.from({ length: 105 }, (_, n) => n)
      )
    })
  )
}
