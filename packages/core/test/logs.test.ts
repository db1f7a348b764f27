// Log lines name events and streams, and never tell what is in them; a handler's own message is its author's.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import * as Processor from "../src/Processor.ts"
import * as Projection from "../src/Projection.ts"
import * as SnapshotStore from "../src/SnapshotStore.ts"
import * as StreamName from "../src/StreamName.ts"

const secret = "s3cret"

/** Runs an effect and gives what every format of the logger makes of its log lines. */
const logged = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.make((options) => {
      for (const format of [Logger.formatSimple, Logger.formatLogFmt, Logger.formatJson])
        lines.push(format.log(options))
      lines.push(JSON.stringify(Logger.formatStructured.log(options)))
    })
    yield* Effect.provide(effect, Logger.layer([logger]))
    return lines
  })

const Note = Aggregate.make("Note", {
  command: Schema.TaggedUnion({ Write: { text: Schema.String } }),
  event: Schema.TaggedUnion({ Written: { text: Schema.String, size: Schema.Int } }),
  state: Schema.Struct({ text: Schema.String.check(Schema.isMaxLength(3)) }),
  initial: { text: "" }
})({
  decide: { Write: ({ text }) => [{ _tag: "Written", text, size: text.length }] },
  evolve: { Written: (_, { text }) => ({ text }) }
})

// What is stored is not what the schema of today says, in each way that this can be.
const broken = [
  { type: "Written", data: { text: secret, size: secret } },
  { type: "Written", data: { text: [secret], size: 1 } },
  { type: "Written", data: [secret] },
  { type: "Unheard", data: { text: secret } },
  { type: "Written", schemaVersion: 7, data: { text: secret } }
]

const append = (n: number) =>
  EventStore.use((store) => store.append(StreamName.make("Note", String(n)), [broken[n] ?? expect.fail()]))

const Rows = Projection.make("rows", { from: [Note], row: Schema.Struct({ size: Schema.Int }), initial: { size: 0 } })({
  evolve: { Written: (_, { size }) => ({ size }) }
})

it.effect(
  "of events that cannot be decoded, passed over or stopped on",
  () =>
    Effect.gen(function* () {
      for (const [n] of broken.entries()) {
        for (const onUndecodable of ["skip", "stop", "park"] as const) {
          const lines = yield* logged(
            Effect.gen(function* () {
              const { position } = yield* append(n)
              yield* Effect.ignore(Aggregate.load(Note, String(n)))
              const waiting = Processor.waitFor(Rows, position, { timeout: "1 second" })
              yield* Effect.ignore(waiting)
            }).pipe(
              Effect.provide(
                Processor.layer(Processor.projection(Rows), { onUndecodable, retry: Schedule.recurs(0) }).pipe(
                  Layer.provideMerge(Memory.layer)
                )
              )
            )
          )
          expect(lines.join("\n"), `${n} ${onUndecodable}`).not.toContain(secret)
          // Of a type that nobody asks for nothing is said; what is newer stops it, whatever the policy.
          const says = n !== 3 && (onUndecodable !== "park" || n === 4)
          expect(lines.length > 0, `${n} ${onUndecodable}: ${lines.join("\n")}`).toBe(says)
        }
      }
    }),
  60_000
)

it.effect("of snapshots that cannot be taken or read", () =>
  Effect.gen(function* () {
    const snapshots = SnapshotStore.layerPolicy({ every: 1 })
    const lines = yield* logged(
      Effect.gen(function* () {
        yield* Aggregate.execute(Note, "a", { _tag: "Write", text: secret })
        yield* Effect.yieldNow
        yield* Effect.yieldNow
      }).pipe(Effect.provide(Layer.merge(Memory.layer, snapshots)))
    )
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.join("\n")).not.toContain(secret)
  })
)

it.effect("of a processor that dies of a fault of its own, an event in hand", () =>
  Effect.gen(function* () {
    const Fragile = Projection.make("fragile", {
      from: [Note],
      row: Schema.Struct({ size: Schema.Int }),
      initial: { size: 0 }
    })({
      evolve: {
        Written: () => {
          throw new TypeError("a bug")
        }
      }
    })
    const lines = yield* logged(
      Effect.gen(function* () {
        const { position } = yield* Aggregate.execute(Note, "a", { _tag: "Write", text: secret })
        yield* Effect.ignore(Processor.waitFor(Fragile, position, { timeout: "1 second" }))
      }).pipe(Effect.provide(Processor.layer(Processor.projection(Fragile)).pipe(Layer.provideMerge(Memory.layer))))
    )
    expect(lines.join("\n")).toContain("a bug")
    expect(lines.join("\n")).not.toContain(secret)
  })
)
