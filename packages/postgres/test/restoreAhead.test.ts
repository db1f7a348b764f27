// A store that came back older than its readers: they are told, and never go on as if it were the old one.
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as StreamName from "evolvent/StreamName"
import { append, copyData, folder, follow, on } from "./support/restoring.ts"

const freePort = Effect.callback<number>((resume) => {
  const probe = net.createServer()
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address()
    const port = typeof address === "object" ? (address?.port ?? 0) : 0
    probe.close(() => resume(Effect.succeed(port)))
  })
})

const filters = {
  all: EventFilter.all(),
  category: EventFilter.category("Restored"),
  stream: EventFilter.stream(StreamName.make("Restored", "3"))
}

describe("a checkpoint ahead of the store", { timeout: 60_000 }, () => {
  it.live("is a typed error for who subscribes after it, whatever the filter", () =>
    Effect.gen(function* () {
      const [old, copy] = [yield* folder, yield* folder]
      // The backup is taken at 50 events; the reader saw 90.
      yield* Effect.scoped(
        Effect.flatMap(EmbeddedPostgres.start({ dataDir: old }), (server) => Effect.provide(append(0, 50), on(server)))
      )
      copyData(old, copy)
      const checkpoint = yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* EmbeddedPostgres.start({ dataDir: old })
          return yield* Effect.provide(Effect.andThen(append(50, 90), follow(Position.beginning, 90)), on(server))
        })
      )
      assert.lengthOf(checkpoint.ids, 90)
      const server = yield* EmbeddedPostgres.start({ dataDir: copy })
      yield* Effect.gen(function* () {
        const store = yield* EventStore
        const head = yield* store.head
        assert.isBelow(head, checkpoint.through)
        for (const filter of Object.values(filters)) {
          const error = yield* Effect.flip(Stream.runDrain(store.subscribe(filter, { after: checkpoint.through })))
          assert.deepInclude(error.reason, { _tag: "CheckpointAheadOfStore", after: checkpoint.through, head })
          assert.isFalse(error.isRetryable)
        }
      }).pipe(Effect.provide(on(server)))
    })
  )

  it.live.each([
    { back: "went back underneath", grown: false },
    { back: "went back underneath and grew past the cursor", grown: true }
  ])("is a typed error for who was up all the time while the store $back", ({ grown }) =>
    Effect.gen(function* () {
      const [old, copy] = [yield* folder, yield* folder]
      const port = yield* freePort
      yield* Effect.scoped(
        Effect.flatMap(EmbeddedPostgres.start({ dataDir: old }), (server) => Effect.provide(append(0, 50), on(server)))
      )
      copyData(old, copy)
      // Both servers are at one address, with one password, one after the other; the reader's client stays.
      const first = yield* Scope.fork(yield* Effect.scope)
      const server = yield* Scope.provide(EmbeddedPostgres.start({ dataDir: old, port }), first)
      const connection = { ...server.connection, host: "127.0.0.1", port }
      yield* Effect.gen(function* () {
        const store = yield* EventStore
        const up = yield* Effect.forEach(Object.entries(filters), ([name, filter]) =>
          Effect.gen(function* () {
            const place = { name, through: Position.beginning }
            const fiber = yield* store.subscribe(filter).pipe(
              Stream.runForEach(({ through }) =>
                Effect.sync(() => {
                  place.through = through
                })
              ),
              Effect.forkChild({ startImmediately: true })
            )
            return { place, fiber }
          })
        )
        yield* append(50, 90)
        const head = yield* store.head
        while (up.some(({ place }) => place.through < head)) yield* Effect.sleep(20)

        yield* Scope.close(first, Exit.void)
        if (grown) {
          yield* Effect.scoped(
            Effect.flatMap(EmbeddedPostgres.start({ dataDir: copy }), (own) =>
              Effect.provide(append(200, 300), on(own))
            )
          )
        }
        yield* EmbeddedPostgres.start({ dataDir: copy, port })
        for (const { fiber, place } of up) {
          const error = yield* Effect.timeout(Effect.flip(Fiber.join(fiber)), "20 seconds")
          assert.deepInclude(error.reason, { _tag: "CheckpointAheadOfStore", after: head }, place.name)
        }
        // The store itself goes on.
        const before = yield* store.head
        assert.strictEqual(before > head, grown)
        yield* append(400, 410)
        assert.isAbove(yield* store.head, before)
      }).pipe(Effect.provide(on({ connection })))
    })
  )
})
