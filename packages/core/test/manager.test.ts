// Process managers at work: deadlines days away, runners that come and go, and what counts as an event's fault.
import { it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { CheckpointStore } from "../src/CheckpointStore.ts"
import * as EventFilter from "../src/EventFilter.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import * as ProcessManager from "../src/ProcessManager.ts"
import * as Processor from "../src/Processor.ts"
import * as StreamName from "../src/StreamName.ts"

const Invoice = Aggregate.make("Invoice", {
  command: Schema.TaggedUnion({ Send: { dueIn: Schema.String, to: Schema.String } }),
  event: Schema.TaggedUnion({ Sent: { dueIn: Schema.String, to: Schema.String } }),
  state: Schema.Null,
  initial: null
})({
  decide: { Send: ({ dueIn, to }) => [{ _tag: "Sent", dueIn, to }] },
  evolve: { Sent: () => null }
})

/** Reminds of an invoice when its time is over. */
const Dunning = ProcessManager.make("Dunning", {
  observes: [Invoice],
  correlate: ({ data, streamId }) => (data.to === "nobody" ? "not\u0000an id" : streamId),
  event: Schema.TaggedUnion({
    Waiting: { dueIn: Schema.String, to: Schema.String.check(Schema.isMaxLength(10)) },
    Reminded: { times: Schema.Int }
  }),
  state: Schema.Int,
  initial: 0,
  deadline: Schema.TaggedUnion({ Unpaid: {} })
})({
  decide: { Sent: ({ dueIn, to }) => [{ _tag: "Waiting", dueIn, to }] },
  deadline: { Unpaid: (_, times) => [{ _tag: "Reminded", times: times + 1 }] },
  evolve: { Waiting: (times) => times, Reminded: (_, { times }) => times },
  dispatch: {
    Waiting: ({ dueIn }) => [ProcessManager.deadline({ _tag: "Unpaid" }, { after: dueIn as "1 day" })]
  }
})

const dunning = Processor.manager(Dunning)

// Leases that are renewed every few seconds make days by the test's clock long.
const run = Processor.run(dunning, { lease: "80 days" })

const send = (id: string, dueIn: string, to = "ada") =>
  Aggregate.execute(Invoice, id, { _tag: "Send", dueIn, to }, { commandId: `send ${id}` })

const eventsOf = (category: string) =>
  EventStore.use((store) => Stream.runCollect(store.read(EventFilter.category(category))))

const reminders = Effect.map(eventsOf(Dunning.name), (all) => all.filter(({ type }) => type === "Reminded"))

/** Lets everything that is to happen now happen. */
const settle = Effect.repeat(Effect.yieldNow, { times: 500 })

const after = (time: Parameters<typeof TestClock.adjust>[0]) =>
  Effect.andThen(TestClock.adjust(time), Effect.andThen(settle, reminders))

/** Runs the manager until all events are handled, those that it writes itself too. */
const started = Effect.gen(function* () {
  const fiber = yield* Effect.forkChild(run, { startImmediately: true })
  yield* settle
  const last = (yield* eventsOf(Dunning.name)).at(-1)
  if (last !== undefined) yield* Processor.waitFor(dunning, last.position)
  return fiber
})

describe("a deadline", () => {
  it.effect("of three days comes back after three days, though the runner is another by then", () =>
    Effect.gen(function* () {
      yield* send("1", "3 days")
      const first = yield* started
      expect(yield* after("1 day")).toEqual([])
      yield* Fiber.interrupt(first)
      expect(yield* after("1 day")).toEqual([])
      yield* started
      expect(yield* after("23 hours")).toEqual([])
      expect(yield* after("59 minutes")).toEqual([])
      expect(yield* after("59 seconds")).toEqual([])
      const [reminder, ...more] = yield* after("1 second")
      expect(more).toEqual([])
      expect(reminder).toMatchObject({ stream: "Dunning-1", data: { times: 1 } })
      expect(yield* after("30 days")).toHaveLength(1)
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("of 60 days, longer than a timer of the system runs, comes back after 60 days", () =>
    Effect.gen(function* () {
      yield* send("1", "60 days")
      const slept: Array<number> = []
      const listening = Effect.updateService(Clock.Clock, (clock) => ({
        ...clock,
        sleep: (duration: Duration.Duration) => {
          slept.push(Duration.toMillis(duration))
          return clock.sleep(duration)
        }
      }))
      yield* listening(started)
      expect(yield* after("59 days")).toEqual([])
      expect(yield* after("86399 seconds")).toEqual([])
      expect(yield* after("1 second")).toHaveLength(1)
      expect(slept.length).toBeGreaterThan(2)
      expect(Math.max(...slept)).toBeLessThan(2 ** 31)
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("that is set while a later one is waited for comes back first", () =>
    Effect.gen(function* () {
      yield* send("1", "60 days")
      yield* started
      expect(yield* after("10 days")).toEqual([])
      yield* send("2", "2 days")
      expect(yield* after("1 day")).toEqual([])
      expect(yield* after("1 day")).toMatchObject([{ stream: "Dunning-2" }])
      expect(yield* after("48 days")).toMatchObject([{ stream: "Dunning-2" }, { stream: "Dunning-1" }])
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("that fell due while nobody ran the manager comes back at once, in the order of the times", () =>
    Effect.gen(function* () {
      yield* send("1", "20 days")
      yield* send("2", "10 days")
      yield* Fiber.interrupt(yield* started)
      expect(yield* after("30 days")).toEqual([])
      yield* started
      expect(yield* after("0 seconds")).toMatchObject([{ stream: "Dunning-2" }, { stream: "Dunning-1" }])
      const times = (yield* reminders).map(({ recordedAt }) => DateTime.toEpochMillis(recordedAt))
      expect(times).toEqual([30, 30].map((days) => days * 86_400_000))
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("that is set again, since a backend kept the row but not the checkpoint, counts once", () =>
    Effect.gen(function* () {
      const checkpoints = yield* CheckpointStore
      yield* send("1", "0 seconds")
      let losing = true
      let lost = 0
      // A backend without transactions writes rows first; here each commit of the own event is lost after that.
      const fiber = yield* Effect.forkChild(
        run.pipe(
          Effect.provideService(CheckpointStore, {
            ...checkpoints,
            transact: (moves, writes) =>
              Effect.flatMap(eventsOf(Dunning.name), ({ length }) => {
                if (length === 0 || !losing) return checkpoints.transact(moves, writes)
                lost += 1
                return Effect.andThen(writes, Effect.never)
              }) as never
          })
        ),
        { startImmediately: true }
      )
      yield* settle
      expect(lost).toBe(1)
      yield* Fiber.interrupt(fiber)
      losing = false
      yield* started
      expect(yield* after("0 seconds")).toHaveLength(1)
      expect(yield* after("1 hour")).toHaveLength(1)
    }).pipe(Effect.provide(Memory.layer))
  )
})

describe("a manager stops on the event", () => {
  const stopsOn = (name: string, problem: string, to: string) =>
    it.effect(`${name}`, () =>
      Effect.gen(function* () {
        const { position } = yield* send("1", "1 day", to)
        expect(yield* Effect.flip(run)).toMatchObject({
          processor: "Dunning",
          stream: "Invoice-1",
          position,
          problem: expect.stringContaining(problem)
        })
      }).pipe(Effect.provide(Memory.layer))
    )

  stopsOn("whose own event its schema refuses", "decide returned what its schema refuses", "somebody else")
  stopsOn("whose process has an id that no stream can have", "not\\u0000an id", "nobody")

  it.effect("and parks it, too, where it is to park", () =>
    Effect.gen(function* () {
      yield* send("1", "1 day", "somebody else")
      yield* send("2", "1 day")
      yield* Effect.forkChild(Processor.run(dunning, { lease: "80 days", onFailure: "park" }), {
        startImmediately: true
      })
      expect(yield* after("1 day")).toMatchObject([{ stream: "Dunning-2" }])
      expect(yield* Processor.parked(dunning)).toMatchObject([{ key: "1", attempts: 1 }])
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("whose deadline throws, and a later one of its process comes when that is dropped", () =>
    Effect.gen(function* () {
      const unlucky = Processor.manager({
        ...Dunning,
        expire: (deadline, times) => {
          if (times === 0) throw new Error("not yet")
          return Dunning.expire(deadline, times)
        }
      })
      const run = Processor.run(unlucky, { lease: "80 days", onFailure: "park" })
      const { append } = yield* EventStore
      const waiting = (dueIn: string) => ({ type: "Waiting", data: { dueIn, to: "ada" } })
      yield* append(StreamName.make("Dunning", "1"), [waiting("1 day"), waiting("2 days")])
      yield* Effect.forkChild(run, { startImmediately: true })
      expect(yield* after("1 day")).toEqual([])
      const [parked, ...more] = yield* Processor.parked(unlucky)
      expect(more).toEqual([])
      expect(parked).toMatchObject({ key: "1", attempts: 1, event: { revision: 0 } })
      yield* append(StreamName.make("Dunning", "2"), [{ type: "Reminded", data: { times: 1 } }])
      expect(yield* after("2 days")).toHaveLength(1)
      if (parked !== undefined) yield* Processor.drop(unlucky, parked.eventId)
      yield* after("0 seconds")
      // It throws as well, and is parked in its turn.
      expect(yield* Processor.parked(unlucky)).toMatchObject([{ key: "1", event: { revision: 1 } }])
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("whose deadline throws; tried again it comes alone, without another one that its event set", () =>
    Effect.gen(function* () {
      const came: Array<string> = []
      let broken = true
      const define = ProcessManager.make("Twice", {
        observes: [Invoice],
        correlate: ({ streamId }) => streamId,
        event: Schema.TaggedUnion({ Started: {} }),
        state: Schema.Null,
        initial: null,
        deadline: Schema.TaggedUnion({ Due: { which: Schema.String } })
      })
      const due = (which: string, after: "1 hour" | "2 hours" | "3 hours") =>
        ProcessManager.deadline({ _tag: "Due", which }, { after })
      const twice = Processor.manager(
        define({
          decide: { Sent: () => [{ _tag: "Started" }] },
          deadline: {
            // It means nothing, so that nothing that is stored tells whether it came.
            Due: ({ which }) => {
              if (which === "second" && broken) throw new Error("broken")
              came.push(which)
              return []
            }
          },
          evolve: { Started: () => null },
          dispatch: { Started: () => [due("first", "1 hour"), due("second", "2 hours"), due("third", "3 hours")] }
        })
      )
      yield* send("1", "0 seconds")
      yield* Effect.forkChild(Processor.run(twice, { lease: "80 days", onFailure: "park" }), { startImmediately: true })
      yield* settle
      for (const hours of ["1 hour", "1 hour", "2 hours"] as const) yield* after(hours)
      expect(yield* Processor.parked(twice)).toMatchObject([{ key: "1", event: { type: "Started" } }])
      broken = false
      yield* Processor.retry(twice)
      yield* after("1 hour")
      // The third waited, since it is of the same process.
      expect(came).toEqual(["first", "second", "third"])
      expect(yield* Processor.parked(twice)).toEqual([])
    }).pipe(Effect.provide(Memory.layer))
  )

  it.effect("that set a deadline and cannot be decoded any more, and does not lose the deadline", () =>
    Effect.gen(function* () {
      const { append } = yield* EventStore
      yield* append(StreamName.make("Dunning", "1"), [{ type: "Waiting", data: { dueIn: "1 day", to: "ada" } }])
      yield* Fiber.interrupt(yield* started)
      const Newer = Processor.manager({
        ...Dunning,
        codecs: {
          ...Dunning.codecs,
          event: { ...Dunning.codecs.event, decode: () => Result.fail({ problem: "it is of another shape" }) }
        }
      })
      yield* TestClock.adjust("1 day")
      expect(yield* Effect.flip(Processor.run(Newer, { lease: "80 days" }))).toMatchObject({
        stream: "Dunning-1",
        problem: expect.stringContaining("cannot be decoded")
      })
      yield* started
      expect(yield* reminders).toHaveLength(1)
    }).pipe(Effect.provide(Memory.layer))
  )
})
