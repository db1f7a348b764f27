// Spans: one trace from a command through its events to what reacts to them.
import { it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { Bus } from "../src/Bus.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Processor from "../src/Processor.ts"
import * as StreamName from "../src/StreamName.ts"
import { attributes, Cause, command, Echo, Errand, only, parentOf, Refused, traced } from "./support/notes.ts"

describe("one trace", () => {
  it.effect("from a command through its event to a reaction and its command", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        const { position } = yield* Effect.withSpan(command("hello"), "request")
        yield* Processor.waitFor(Echo, position)
      })
      const { spans } = yield* traced(program, Processor.layer(Echo))
      const chain = ["request", "execute Cause", "append Cause", "handle echo", "execute Reaction", "append Reaction"]
      const found = chain.map((name) => only(spans, name))
      found.slice(1).forEach((span, i) => expect([span.name, parentOf(span)]).toEqual([span.name, found[i]?.spanId]))
      expect(new Set(found.map(({ traceId }) => traceId)).size).toBe(1)
      expect(found.map(({ kind }) => kind)).toEqual([
        "internal",
        "internal",
        "producer",
        "consumer",
        "internal",
        "producer"
      ])
      for (const { status } of found) expect(status._tag).toBe("Ended")
    })
  )

  it.effect("through a process manager, whose own events are part of it", () =>
    Effect.gen(function* () {
      const { spans } = yield* traced(
        Effect.gen(function* () {
          yield* command("hello")
          const store = yield* EventStore
          while ((yield* store.streamRevision(StreamName.make("Reaction", "m"))) === undefined) yield* Effect.yieldNow
        }),
        Processor.layer(Processor.manager(Errand))
      )
      const sent = only(spans, "append Reaction")
      expect(sent.traceId).toBe(only(spans, "append Cause").traceId)
      const [taking, sending] = spans.filter(({ name }) => name === "handle Errand")
      expect(parentOf(taking ?? sent)).toBe(only(spans, "append Cause").spanId)
      expect(parentOf(sending ?? sent)).toBe(only(spans, "append Errand").spanId)
    })
  )

  it.live("over the bus, where a relay's page has a trace of its own with links", () =>
    Effect.gen(function* () {
      const { spans } = yield* traced(
        Effect.gen(function* () {
          const bus = yield* Bus
          const handled = yield* Deferred.make<void>()
          const handle = () => Deferred.succeed(handled, undefined)
          yield* Effect.forkScoped(bus.subscribe("readers", { topics: [{ category: "Cause" }] }, handle))
          yield* command("hello")
          yield* Deferred.await(handled)
        }).pipe(Effect.scoped),
        // What surrounds its start is no part of what it does.
        Processor.layer(Processor.relay("to-bus", { from: [Cause] })).pipe(Layer.withSpan("start-up"))
      )
      const append = only(spans, "append Cause")
      expect(parentOf(only(spans, "handle readers"))).toBe(append.spanId)
      const relay = only(spans, "relay to-bus")
      expect(Option.isNone(relay.parent)).toBe(true)
      expect(relay.links.map(({ span }) => span.spanId)).toEqual([append.spanId])
      expect(parentOf(only(spans, "publish Cause"))).toBe(relay.spanId)
    })
  )
})

describe("a command's span", () => {
  it.effect("says what came of it, and a rejection is no failure", () =>
    Effect.gen(function* () {
      const { exit, spans } = yield* traced(
        Effect.gen(function* () {
          yield* command("a")
          yield* Aggregate.execute(Cause, "c", { _tag: "Touch" })
          yield* Aggregate.execute(Cause, "c", { _tag: "Note", text: "b" }, { commandId: "1" })
          yield* Aggregate.execute(Cause, "c", { _tag: "Note", text: "b" }, { commandId: "1" })
          return yield* Effect.flip(Aggregate.execute(Cause, "c", { _tag: "Refuse", text: "no" }))
        })
      )
      expect(exit).toEqual(Exit.succeed(new Refused({ text: "no" })))
      const commands = spans.filter(({ name }) => name === "execute Cause")
      expect(commands.map((span) => attributes(span)["evolvent.outcome"])).toEqual([
        "appended",
        "nothing",
        "appended",
        "repeated",
        "rejected"
      ])
      expect(attributes(commands[4] ?? expect.fail())).toEqual({
        "evolvent.category": "Cause",
        "evolvent.command": "Refuse",
        "evolvent.outcome": "rejected",
        "evolvent.rejection": "Refused"
      })
      for (const { status } of commands) {
        expect(status._tag === "Ended" && Exit.isSuccess(status.exit)).toBe(true)
      }
    })
  )

  it.effect("fails with what broke", () =>
    Effect.gen(function* () {
      const { spans } = yield* traced(
        Effect.ignore(Aggregate.execute(Cause, "c", { _tag: "Touch" }, { expected: "streamExists" }))
      )
      const { status } = only(spans, "execute Cause")
      expect(status._tag === "Ended" && Exit.isFailure(status.exit)).toBe(true)
    })
  )
})
