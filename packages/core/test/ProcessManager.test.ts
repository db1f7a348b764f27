// Process managers: what events, deadlines and rejections mean, what is sent, what is stored, what a definition may not be.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import type { Recorded } from "../src/EventData.ts"
import * as EventFilter from "../src/EventFilter.ts"
import { EventStore } from "../src/EventStore.ts"
import * as EventId from "../src/EventId.ts"
import * as Memory from "../src/Memory.ts"
import * as Position from "../src/Position.ts"
import * as ProcessManager from "../src/ProcessManager.ts"
import * as Projection from "../src/Projection.ts"
import * as Revision from "../src/Revision.ts"
import * as StreamName from "../src/StreamName.ts"

const Order = Aggregate.make("Order", {
  command: Schema.TaggedUnion({ Place: {}, Cancel: { why: Schema.String } }),
  event: Schema.TaggedUnion({ Placed: {}, Closed: { by: Schema.String } }),
  state: Schema.Null,
  initial: null
})({ decide: () => [], evolve: (state) => state })

const Shelf = Aggregate.make("Shelf", {
  command: Schema.TaggedUnion({ Take: { order: Schema.String } }),
  event: Schema.TaggedUnion({ Taken: { order: Schema.String }, Closed: {} }),
  state: Schema.Null,
  initial: null
})({
  decide: ({ order }) => (order === "" ? Result.fail("no order" as const) : [{ _tag: "Taken", order }]),
  evolve: (state) => state
})

const protocol = {
  observes: [Order, Shelf],
  correlate: (event: Recorded<{ readonly _tag: string }>) => (event.category === "Order" ? event.streamId : undefined),
  event: Schema.TaggedUnion({ Started: { at: Schema.DateTimeUtcFromString }, Ended: { why: Schema.String } }),
  state: Schema.Struct({ started: Schema.Int, ended: Schema.Int }),
  initial: { started: 0, ended: 0 },
  deadline: Schema.TaggedUnion({ TooLate: { after: Schema.BigInt } })
} as const

const Delivery = ProcessManager.make(
  "Delivery",
  protocol
)({
  decide: {
    Order: {
      Placed: (_, __, { recordedAt }) => [{ _tag: "Started", at: recordedAt }],
      Closed: ({ by }, { started }) => (started === 0 ? [] : [{ _tag: "Ended", why: by }])
    },
    Shelf: { Taken: ({ order }) => [{ _tag: "Ended", why: order }] }
  },
  deadline: { TooLate: ({ after }, { ended }) => (ended === 0 ? [{ _tag: "Ended", why: `late by ${after}` }] : []) },
  evolve: {
    Started: (state) => ({ ...state, started: state.started + 1 }),
    Ended: (state) => ({ ...state, ended: state.ended + 1 })
  },
  dispatch: {
    Started: (_, { started }, { id }) => [
      Aggregate.command(
        Shelf,
        `${started}`,
        { _tag: "Take", order: id },
        { rejected: (why) => [{ _tag: "Ended", why }] }
      ),
      ProcessManager.deadline({ _tag: "TooLate", after: 7n }, { after: "1 hour" })
    ]
  }
})

let position = 0
const recorded = <const Data extends { readonly _tag: string }>(category: string, data: Data): Recorded<Data> => ({
  id: EventId.derive("test", String(position), 0),
  stream: StreamName.make(category, "7"),
  category,
  streamId: "7",
  revision: Revision.make(0),
  position: Position.make(++position),
  type: data._tag,
  schemaVersion: 1,
  data,
  metadata: {},
  recordedAt: at
})

const at = Schema.decodeSync(Schema.DateTimeUtcFromString)("2026-01-31T08:00:00Z")

describe("a process manager", () => {
  it("asks the store for the events that it handles, each of its own aggregate", () => {
    expect(EventFilter.describe(Delivery.filter)).toBe("categories Order (Placed, Closed), Shelf (Taken)")
    expect(Delivery.observes).toEqual([Order, Shelf])
    expect(Delivery.correlate(recorded("Order", { _tag: "Placed" }))).toBe("7")
    expect(Delivery.correlate(recorded("Shelf", { _tag: "Closed" }))).toBe(undefined)
  })

  it("decides by aggregate and tag, and on nothing else", () => {
    const state = { started: 1, ended: 0 }
    expect(Delivery.decide(recorded("Order", { _tag: "Placed" }), state)).toEqual([{ _tag: "Started", at }])
    const closed = recorded("Order", { _tag: "Closed", by: "ada" })
    expect(Delivery.decide(closed, state)).toEqual([{ _tag: "Ended", why: "ada" }])
    expect(Delivery.decide(closed, Delivery.initial)).toEqual([])
    expect(Delivery.decide(recorded("Shelf", { _tag: "Closed" }), state)).toEqual([])
    expect(Delivery.decide(recorded("Order", { _tag: "constructor" }), state)).toEqual([])
    expect(Delivery.decide(recorded("Other", { _tag: "Placed" }), state)).toEqual([])
  })

  it("decides flat where it observes one aggregate", () => {
    const Flat = ProcessManager.make("Flat", {
      observes: [Shelf],
      correlate: ({ streamId }) => streamId,
      event: Schema.TaggedUnion({ Seen: {} }),
      state: Schema.Int,
      initial: 0
    })({ decide: { Closed: () => [{ _tag: "Seen" }] }, evolve: (state) => state + 1, dispatch: {} })
    expect(EventFilter.describe(Flat.filter)).toBe("category Shelf (Closed)")
    expect(Flat.decide(recorded("Shelf", { _tag: "Closed" }), 0)).toEqual([{ _tag: "Seen" }])
    expect(Flat.decide(recorded("Shelf", { _tag: "Taken" }), 0)).toEqual([])
    expect(Flat.evolve(1, { _tag: "Seen" })).toBe(2)
    expect(Flat.dispatch({ _tag: "Seen" }, 2, { id: "7" })).toEqual([])
    expect(Flat.deadlineTypes).toEqual([])
    expect(Result.isFailure(Flat.codecs.deadline.decode({ _tag: "TooLate" }))).toBe(true)
  })

  it("sends commands and deadlines, with what a rejection means", () => {
    const [command, deadline, ...others] = Delivery.dispatch(
      { _tag: "Started", at },
      { started: 2, ended: 0 },
      { id: "7" }
    )
    expect(others).toEqual([])
    if (command?._tag !== "Command" || deadline?._tag !== "Deadline") throw new Error("a command and a deadline")
    expect([command.aggregate, command.id, command.command]).toEqual([Shelf, "2", { _tag: "Take", order: "7" }])
    expect(Duration.toMillis(command.after)).toBe(0)
    expect(command.rejected?.("no order")).toEqual([{ _tag: "Ended", why: "no order" }])
    expect(deadline.payload).toEqual({ _tag: "TooLate", after: 7n })
    expect(Duration.toMinutes(deadline.after)).toBe(60)
    expect(Delivery.dispatch({ _tag: "Ended", why: "" }, { started: 2, ended: 1 }, { id: "7" })).toEqual([])
  })

  it("is told when a deadline is due", () => {
    const late = { _tag: "TooLate", after: 7n } as const
    expect(Delivery.expire(late, Delivery.initial)).toEqual([{ _tag: "Ended", why: "late by 7" }])
    expect(Delivery.expire(late, { started: 1, ended: 1 })).toEqual([])
  })

  it("stores events, state and deadlines as JSON", () => {
    const { codecs } = Delivery
    const event = { _tag: "Started", at } as const
    const stored = Result.getOrThrow(codecs.event.encode(event))
    expect(stored).toEqual({ type: "Started", schemaVersion: 1, data: { at: "2026-01-31T08:00:00.000Z" } })
    expect(codecs.event.decode(stored.type, stored.schemaVersion, stored.data)).toEqual(Result.succeed([event]))
    expect(codecs.deadline.encode({ _tag: "TooLate", after: 7n })).toEqual(
      Result.succeed({ _tag: "TooLate", after: "7" })
    )
    expect(codecs.deadline.decode({ _tag: "TooLate", after: "7" })).toEqual(
      Result.succeed({ _tag: "TooLate", after: 7n })
    )
    expect(codecs.state.encode(Delivery.initial)).toEqual(Result.succeed({ started: 0, ended: 0 }))
    expect(codecs.fingerprint).toBe(Delivery.aggregate.codecs.fingerprint)
    const { aggregate } = ProcessManager.make("Delivery", { ...protocol, stateVersion: 2 })(nothing)
    expect(aggregate.codecs.fingerprint).not.toBe(codecs.fingerprint)
    expect([Delivery.eventTypes, Delivery.deadlineTypes, Delivery.stateVersion]).toEqual([
      ["Started", "Ended"],
      ["TooLate"],
      1
    ])
    expect(() => Object.assign(Delivery.initial, { started: 1 })).toThrow(TypeError)
  })

  it("is an aggregate without commands to those who load or project it", () => {
    const Ends = Projection.make("ends", {
      from: [Delivery.aggregate],
      row: Schema.Struct({ why: Schema.String })
    })({ create: { Ended: ({ why }) => ({ why }) }, evolve: {} })
    const program = Effect.gen(function* () {
      const store = yield* EventStore
      const events = [
        { type: "Started", data: { at: "2026-01-31T08:00:00Z" } },
        { type: "Ended", data: { why: "done" } }
      ]
      yield* store.append(StreamName.make("Delivery", "7"), events, { expected: "noStream" })
      const { state } = yield* Aggregate.load(Delivery.aggregate, "7")
      return [state, yield* Projection.fold(Ends, store.read(Ends.filter))]
    })
    expect(Effect.runSync(Effect.provide(program, Memory.layer))).toEqual([
      { started: 1, ended: 1 },
      new Map([["7", { why: "done" }]])
    ])
    expect(Result.isFailure(Delivery.aggregate.codecs.command.decode("Take", 1, {}))).toBe(true)
  })
})

const nothing = {
  decide: { Order: {}, Shelf: {} },
  evolve: (state: { readonly started: number; readonly ended: number }) => state,
  dispatch: {},
  deadline: { TooLate: () => [] }
} as const

// What types rule out is refused at run time, too: a definition may come from plain JavaScript.
const define =
  (name: string, changes: object, behaviour: object = {}) =>
  () =>
    ProcessManager.make(name, { ...protocol, ...changes })({ ...nothing, ...behaviour } as never)

describe("a definition", () => {
  it("has a name that a category can have, and no other in it has", () => {
    expect(define("", {})).toThrow('The process manager "" cannot be defined: the category is empty.')
    expect(define("a-b", {})).toThrow("the category holds a dash")
    expect(define("$own", {})).toThrow("categories with $ are the library's own")
    expect(define("Order", {})).toThrow("an aggregate that it observes has the same name, so their events would mix")
    expect(define("Delivery", { observes: [Order, Shelf, Order] })).toThrow(
      "two of its aggregates have the same name (Order, Shelf, Order)"
    )
    expect(define("Delivery", { observes: [] })).toThrow("it observes nothing")
  })

  it("has handlers for what there is, and all that it needs", () => {
    const wrong = (behaviour: object, changes: object = {}) => define("Delivery", changes, behaviour)
    expect(wrong({ decide: { Order: { Paid: () => [] }, Shelf: {} } })).toThrow(
      'The process manager "Delivery" cannot be defined: decide has a handler for "Paid", but Order has no such event.'
    )
    expect(wrong({ decide: { Order: {}, Shelf: {}, Stock: {} } })).toThrow(
      'decide has handlers for "Stock", which it does not observe'
    )
    expect(wrong({ decide: { Taken: () => [], Placed: () => [] } }, { observes: [Shelf] })).toThrow(
      'decide has a handler for "Placed", but Shelf has no such event'
    )
    expect(wrong({ evolve: { Started: () => 0 } })).toThrow('evolve has no handler for the event "Ended"')
    expect(wrong({ evolve: { Started: () => 0, Ended: () => 0, Left: () => 0 } })).toThrow(
      'evolve has a handler for "Left", but Delivery has no such event'
    )
    expect(wrong({ dispatch: { Taken: () => [] } })).toThrow(
      'dispatch has a handler for "Taken", but Delivery has no such event'
    )
    expect(wrong({ deadline: undefined })).toThrow('deadline has no handler for the deadline "TooLate"')
    expect(wrong({ deadline: { TooLate: () => [], Early: () => [] } })).toThrow(
      'deadline has a handler for "Early", but Delivery has no such deadline'
    )
  })

  it("tells its events and deadlines apart by their tags", () => {
    const twice = Schema.Union([protocol.event, Schema.TaggedStruct("Ended", { by: Schema.String })])
    expect(define("Delivery", { event: twice })).toThrow('two of its own events have the tag "Ended"')
    expect(define("Delivery", { deadline: Schema.TaggedUnion({ TooLate: {}, Ended: {} }) })).toThrow(
      '"Ended" is the tag of an own event and of a deadline, which are kept together'
    )
    expect(define("Delivery", { event: Schema.Struct({ at: Schema.Int }) })).toThrow("Commands and events are tagged")
  })

  it("is not called with what it does not know, and sends nothing to itself", () => {
    const { evolve, expire, initial } = Delivery
    expect(() => evolve(initial, { _tag: "toString" } as never)).toThrow(
      'Delivery has no evolve for the event "toString".'
    )
    expect(() => expire({ _tag: "valueOf" } as never, initial)).toThrow(
      'Delivery has no handler for the deadline "valueOf".'
    )
    const Itself = ProcessManager.make(
      "Delivery",
      protocol
    )({
      ...nothing,
      dispatch: { Started: () => [Aggregate.command(Namesake, "7", { _tag: "Go" })] }
    })
    expect(() => Itself.dispatch({ _tag: "Started", at }, initial, { id: "7" })).toThrow(
      'Delivery sends "Go" to Delivery, whose streams are its own to write.'
    )
  })
})

const Namesake = Aggregate.make("Delivery", {
  command: Schema.TaggedUnion({ Go: {} }),
  event: Schema.TaggedUnion({ Gone: {} }),
  state: Schema.Null,
  initial: null
})({ decide: () => [], evolve: (state) => state })

describe("what is sent", () => {
  it("is due after a finite time from zero on", () => {
    const cancel = { _tag: "Cancel", why: "" } as const
    expect(Duration.toDays(Aggregate.command(Order, "1", cancel, { after: "2 days" }).after)).toBe(2)
    expect(Aggregate.command(Order, "1", cancel).rejected).toBe(undefined)
    expect(() => Aggregate.command(Order, "1", cancel, { after: -1 })).toThrow(
      'The command "Cancel" to Order cannot be due after -1ms: give a finite time from zero on.'
    )
    expect(() => ProcessManager.deadline({ _tag: "TooLate" }, { after: Duration.infinity })).toThrow(
      'The deadline "TooLate" cannot be due after Infinity'
    )
    expect(() => ProcessManager.deadline({ _tag: "TooLate" }, { after: "soon" as never })).toThrow()
  })
})
