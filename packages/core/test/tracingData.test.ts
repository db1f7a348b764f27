// Spans tell addresses and counts and no data unless asked; where nobody traces there are none.
import { it } from "@effect/vitest"
import * as Causes from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import * as EventFilter from "../src/EventFilter.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import * as Metadata from "../src/Metadata.ts"
import * as Processor from "../src/Processor.ts"
import * as StreamName from "../src/StreamName.ts"
import * as Tracing from "../src/Tracing.ts"
import { Cause, command, Echo, Texts, traced } from "./support/notes.ts"

describe("where nobody traces", () => {
  it.effect("no span is made, and the surroundings' own is what events carry", () =>
    Effect.gen(function* () {
      const span = yield* Effect.currentSpan
      yield* command("hello")
      const [event] = yield* EventStore.use((store) => Stream.runCollect(store.read(EventFilter.category("Cause"))))
      expect(event?.metadata.traceparent).toBe(`00-${span.traceId}-${span.spanId}-01`)
      expect([...span.attributes]).toEqual([])
    }).pipe(Effect.withSpan("request"), Effect.provide(Memory.layer))
  )

  it.effect("neither where tracing is switched off", () =>
    Effect.gen(function* () {
      const { exit, spans } = yield* traced(
        Effect.gen(function* () {
          const { spanId } = yield* Effect.currentSpan
          yield* Effect.withTracerEnabled(command("hello"), false)
          const [event] = yield* EventStore.use((store) => Stream.runCollect(store.read(EventFilter.category("Cause"))))
          expect(event?.metadata.traceparent).toContain(spanId)
        }).pipe(Effect.withSpan("request"))
      )
      expect(exit).toEqual(Exit.void)
      expect(spans.map(({ name }) => name)).toEqual(["request", "read Cause"])
    })
  )
})

describe("what is the library's own or detached", () => {
  it.effect("has no spans, and no trace in its events", () =>
    Effect.gen(function* () {
      const events = yield* traced(
        Effect.gen(function* () {
          const store = yield* EventStore
          yield* store.append(StreamName.make("$own", "1"), [{ type: "A", data: {} }])
          yield* Metadata.detached(store.append(StreamName.make("Cause", "1"), [{ type: "Noted", data: {} }]))
          const all = EventFilter.all({ system: true })
          return (yield* Stream.runCollect(store.read(all))).map(({ category, metadata }) => [category, metadata])
        })
      )
      expect(events.exit).toEqual(
        Exit.succeed([
          ["$own", {}],
          ["Cause", {}]
        ])
      )
      expect(events.spans.filter(({ name }) => name.includes("$"))).toEqual([])
    })
  )
})

describe("data", () => {
  const everything = Effect.gen(function* () {
    const { position } = yield* command("s3cret")
    yield* Effect.ignore(Aggregate.execute(Cause, "c", { _tag: "Refuse", text: "s3cret" }))
    yield* Effect.ignore(Aggregate.execute(Cause, "c", { _tag: "Note", text: 5 as never }))
    yield* Aggregate.load(Cause, "c")
    yield* Processor.waitFor(Echo, position)
    yield* Processor.waitFor(Texts, position)
    yield* Effect.ignore(
      Processor.waitFor(
        { name: "failing", filter: EventFilter.category("Cause"), checkpoint: "reactor/failing" },
        position
      )
    )
  })
  const Failing = Processor.reactor("failing", { from: [Cause], handle: { Noted: () => Effect.fail("of its own") } })
  const processors = Layer.mergeAll(
    Processor.layer(Echo),
    Processor.layer(Processor.projection(Texts)),
    Processor.layer(Failing, { retry: Schedule.recurs(0) })
  )

  it.effect("is in no span unless asked for", () =>
    Effect.gen(function* () {
      const { spans } = yield* traced(everything, processors)
      expect(spans.length).toBeGreaterThan(7)
      for (const span of spans) {
        const { events, name, status } = span
        // What exporters take: of how it ended only what failed.
        const failed = status._tag === "Ended" && Exit.isFailure(status.exit) ? Causes.pretty(status.exit.cause) : ""
        const told = `${name} ${JSON.stringify([...span.attributes, events.length])} ${failed}`
        expect(told).not.toContain("s3cret")
      }
    })
  )

  it.effect("is in those of commands, appends and handlers where asked for", () =>
    Effect.gen(function* () {
      const { spans } = yield* traced(
        Effect.provide(everything, Tracing.layerData),
        Layer.provide(processors, Tracing.layerData)
      )
      const told = spans.filter((span) => JSON.stringify([...span.attributes]).includes("s3cret"))
      const names = new Set(told.map(({ name }) => name))
      expect(names).toEqual(
        new Set([
          "execute Cause",
          "append Cause",
          "handle echo",
          "handle failing",
          "execute Reaction",
          "append Reaction"
        ])
      )
    })
  )
})
