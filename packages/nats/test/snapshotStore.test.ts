// The snapshot store on JetStream keeps its laws, and says what it has no room for.
import { suite } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import type { Snapshot } from "evolvent/SnapshotStore"
import * as StreamName from "evolvent/StreamName"
import { describe, expect, it } from "vitest"
import { RequestFailed } from "../src/NatsError.ts"
import { contextOf, keep, layoutOf } from "./support/keeping.ts"
import { serve } from "./support/served.ts"

const server = await serve({ version: process.env["NATS_VERSION"] })
const layout = layoutOf("snap")
const keeping = keep(server.url, layout)

suite("NATS", Layer.effectContext(Effect.map(keeping, contextOf)), { describe, it, services: ["SnapshotStore"] })

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> => Effect.runPromise(Effect.scoped(effect))

const lostAnswer = (subject: string) =>
  Effect.fail(new RequestFailed({ subject, why: "TimedOut", problem: "this test lost the answer" }))

const snapshot = (id: string, revision: number, state: string): Snapshot => ({
  stream: StreamName.make("Shelf", id),
  fingerprint: "shape",
  revision: Revision.make(revision),
  position: Position.make(revision),
  state
})

it("keeps a state to the last byte, up to what the server takes, and refuses a larger one", () =>
  run(
    Effect.gen(function* () {
      const { jetstream, snapshots } = yield* keeping
      const { maxPayload } = yield* jetstream.client.server
      const large = snapshot("large", 1, JSON.stringify("é".repeat(maxPayload / 2 - 200)))
      yield* snapshots.save(large)
      expect(yield* snapshots.load(large.stream, "shape")).toEqual(large)
      const error = yield* Effect.flip(snapshots.save({ ...large, state: JSON.stringify("x".repeat(maxPayload)) }))
      expect(error.reason._tag).toBe("InvalidRequest")
      expect(error.isRetryable).toBe(false)
      expect(error.message).toContain(`and the server takes ${maxPayload}`)
      expect(yield* snapshots.load(large.stream, "shape")).toEqual(large)
      for (const [i, state] of [`{\n  "a": 1}\n`, ` "}" `, `"state":`, "-0", ""].entries()) {
        const odd = snapshot("odd", i + 1, state)
        yield* snapshots.save(odd)
        expect(yield* snapshots.load(odd.stream, "shape")).toEqual(odd)
      }
      const half = yield* Effect.flip(snapshots.save(snapshot("odd", 9, `"\ud800"`)))
      expect(half.reason._tag).toBe("InvalidRequest")
    })
  ))

it("has no snapshot of a stream whose name no subject has room for", () =>
  run(
    Effect.gen(function* () {
      const { snapshots } = yield* keeping
      const long = snapshot("😀".repeat(200), 1, "{}")
      const error = yield* Effect.flip(snapshots.save(long))
      expect(error.isRetryable).toBe(false)
      expect(error.message).toContain("NATS has room for")
      expect(yield* snapshots.load(long.stream, "shape")).toBe(undefined)
      yield* snapshots.remove(long.stream)
    })
  ))

it("takes what somebody else put there for no snapshot, and writes over it", () =>
  run(
    Effect.gen(function* () {
      const { jetstream, snapshots } = yield* keeping
      const mine = snapshot("foreign", 3, "{}")
      const subject = "$KV.snap_snapshots.Shelf-foreign.shape"
      for (const text of ["hello", `{"revision":99999999999999999999,"position":1,"state":{}}`]) {
        yield* jetstream.publish(subject, text, [])
        expect(yield* snapshots.load(mine.stream, "shape")).toBe(undefined)
        yield* snapshots.save(mine)
        expect(yield* snapshots.load(mine.stream, "shape")).toEqual(mine)
      }
    })
  ))

it("saves although answers are lost, and never lowers a revision then", () =>
  run(
    Effect.gen(function* () {
      let publishes = 0
      const { snapshots } = yield* keep(server.url, layout, {
        breaking: (jetstream) => ({
          ...jetstream,
          publish: (...given) =>
            Effect.tap(jetstream.publish(...given), ({ sequence }) => {
              publishes += 1
              return publishes % 2 === 1 ? lostAnswer(String(sequence)) : Effect.void
            })
        })
      })
      const other = (yield* keeping).snapshots
      for (const revision of [1, 2, 3]) {
        yield* snapshots.save(snapshot("lost", revision, `${revision}`))
        expect((yield* other.load(snapshot("lost", 1, "").stream, "shape"))?.revision).toBe(revision)
      }
      expect(publishes).toBe(3)
    })
  ))

it("is unavailable, and says so, where the server is gone", () =>
  run(
    Effect.gen(function* () {
      const { snapshots } = yield* keep(server.url, layout, {
        breaking: (jetstream) => ({ ...jetstream, last: (_, subject) => lostAnswer(subject) })
      })
      const error = yield* Effect.flip(snapshots.load(snapshot("any", 1, "").stream, "shape"))
      expect(error.reason._tag).toBe("Unavailable")
      expect(error.isRetryable).toBe(true)
      expect(error.operation).toBe("SnapshotStore.load")
    })
  ))
