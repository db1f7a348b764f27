// Metadata flows: from a command to its events, from an event to what a reaction does, in one conversation and trace.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import * as EventFilter from "../src/EventFilter.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import * as Metadata from "../src/Metadata.ts"
import * as Processor from "../src/Processor.ts"
import * as StreamName from "../src/StreamName.ts"

const note = <const Name extends string>(name: Name) =>
  Aggregate.make(name, {
    command: Schema.TaggedUnion({ Note: { text: Schema.String } }),
    event: Schema.TaggedUnion({ Noted: { text: Schema.String } }),
    state: Schema.Null,
    initial: null
  })({ decide: { Note: ({ text }) => [{ _tag: "Noted", text }] }, evolve: { Noted: () => null } })

const Cause = note("Cause")
const Reaction = note("Reaction")

const Echo = Processor.reactor("echo", {
  from: [Cause],
  handle: { Noted: ({ text }) => Aggregate.execute(Reaction, "r", { _tag: "Note", text }) }
})

const only = (category: string) =>
  Effect.map(
    EventStore.use((store) => Stream.runCollect(store.read(EventFilter.category(category)))),
    (events) => events[0] ?? expect.fail(`no event of ${category}`)
  )

it.effect("from a command through its event to a reaction's event, in one trace", () =>
  Effect.gen(function* () {
    const { position } = yield* Aggregate.execute(Cause, "c", { _tag: "Note", text: "hello" }).pipe(
      Metadata.provide({ actor: "ada", tenant: "north" }),
      Effect.withSpan("request")
    )
    yield* Processor.waitFor(Echo, position)
    const cause = yield* only("Cause")
    const reaction = yield* only("Reaction")
    // A conversation begins with the first event; custom metadata stays with the command that had it.
    expect(cause.metadata).toMatchObject({ actor: "ada", tenant: "north", correlationId: cause.id })
    expect(cause.metadata.causationId).toBeUndefined()
    expect(reaction.metadata).toMatchObject({ actor: "ada", correlationId: cause.id, causationId: cause.id })
    expect(reaction.metadata["tenant"]).toBeUndefined()
    const traceId = (metadata: Metadata.Metadata) => metadata.traceparent?.split("-")[1] ?? expect.fail("no trace")
    expect(traceId(reaction.metadata)).toBe(traceId(cause.metadata))
  }).pipe(Effect.provide(Processor.layer(Echo).pipe(Layer.provideMerge(Memory.layer))))
)

it.effect("what an event brings itself wins over what surrounds it, and undefined is nothing", () =>
  Effect.gen(function* () {
    const store = yield* EventStore
    yield* store
      .append(StreamName.make("Note", "1"), [
        { type: "A", data: {}, metadata: { actor: "grace" } },
        { type: "B", data: {}, metadata: { actor: undefined as never } },
        { type: "C", data: {} }
      ])
      .pipe(Metadata.provide({ actor: "ada" }))
    const events = yield* Stream.runCollect(store.read(EventFilter.all()))
    expect(events.map(({ metadata }) => metadata)).toEqual([{ actor: "grace" }, {}, { actor: "ada" }])
  }).pipe(Effect.provide(Memory.layer))
)

it.effect("what surrounds the start of a processor is not told of its reactions", () =>
  Effect.gen(function* () {
    const started = Processor.layer(Echo).pipe(
      Layer.provideMerge(Memory.layer),
      Layer.build,
      Metadata.provide({ actor: "deploy", commandId: "boot" }),
      Effect.withSpan("start-up")
    )
    const services = yield* started
    yield* Effect.gen(function* () {
      const { position } = yield* Aggregate.execute(Cause, "c", { _tag: "Note", text: "hello" })
      yield* Processor.waitFor(Echo, position)
      const { metadata } = yield* only("Reaction")
      expect(Object.keys(metadata).sort()).toEqual(["causationId", "correlationId"])
    }).pipe(Effect.provide(services))
  })
)
