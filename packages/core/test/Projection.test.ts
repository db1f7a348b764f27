// Projections: rows begin, change, begin anew and end; keys; what a definition may not be.
import { it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import type { Recorded } from "../src/EventData.ts"
import * as EventFilter from "../src/EventFilter.ts"
import * as EventId from "../src/EventId.ts"
import * as Position from "../src/Position.ts"
import * as Projection from "../src/Projection.ts"
import * as Revision from "../src/Revision.ts"
import * as StreamName from "../src/StreamName.ts"

const member = <const Name extends string>(name: Name) =>
  Aggregate.make(name, {
    command: Schema.TaggedUnion({ Nothing: {} }),
    event: Schema.TaggedUnion({
      Joined: { team: Schema.String },
      Moved: { from: Schema.String, to: Schema.String },
      Scored: { points: Schema.Int },
      Left: {}
    }),
    state: Schema.Null,
    initial: null
  })({ decide: () => [], evolve: (state) => state })

const Member = member("Member")
const Guest = member("Guest")

let position = 0
const recorded = (category: string, streamId: string, type: string, data: Schema.Json = {}): Recorded => ({
  id: EventId.derive("test", String(position), 0),
  stream: StreamName.make(category, streamId),
  category,
  streamId,
  revision: Revision.make(0),
  position: Position.make(++position),
  type,
  schemaVersion: 1,
  data,
  metadata: {},
  recordedAt: DateTime.makeUnsafe(0)
})

const Scores = Projection.make("scores", {
  from: [Member],
  row: Schema.Struct({ team: Schema.String, points: Schema.Int }),
  indexes: ["team"]
})({
  create: { Joined: ({ team }) => ({ team, points: 0 }) },
  evolve: { Scored: (row, { points }) => ({ ...row, points: row.points + points }), Left: () => Projection.remove }
})

const rowsOf = <Name extends string, Row, Index extends string>(
  projection: Projection.Projection<Name, Row, Index>,
  events: Iterable<Recorded>
) => Effect.map(Projection.fold(projection, events), (rows) => Object.fromEntries(rows))

describe("a projection of one aggregate", () => {
  it.effect("begins a row with a create event, changes it, removes it, and passes over what has no row", () =>
    Effect.gen(function* () {
      const events = [
        recorded("Member", "early", "Scored", { points: 5 }),
        recorded("Member", "a", "Joined", { team: "red" }),
        recorded("Member", "a", "Scored", { points: 5 }),
        recorded("Member", "b", "Joined", { team: "blue" }),
        recorded("Member", "b", "Left"),
        recorded("Member", "b", "Scored", { points: 1 }),
        recorded("Other", "a", "Scored", { points: 100 })
      ]
      expect(yield* rowsOf(Scores, events)).toEqual({ a: { team: "red", points: 5 } })
    })
  )

  it.effect("begins a row anew with another create event, also after its removal", () =>
    Effect.gen(function* () {
      const events = [
        recorded("Member", "a", "Joined", { team: "red" }),
        recorded("Member", "a", "Scored", { points: 5 }),
        recorded("Member", "a", "Joined", { team: "blue" }),
        recorded("Member", "b", "Joined", { team: "red" }),
        recorded("Member", "b", "Left"),
        recorded("Member", "b", "Joined", { team: "green" })
      ]
      expect(yield* rowsOf(Scores, events)).toEqual({ a: { team: "blue", points: 0 }, b: { team: "green", points: 0 } })
    })
  )

  it("asks only for the events that it handles, and for what is left of deleted streams", () => {
    expect(Scores.filter).toEqual(EventFilter.category("Member", { types: ["Joined", "Scored", "Left", "$deleted"] }))
  })

  it.effect("gives its changes one by one, removals too", () =>
    Effect.gen(function* () {
      const events = [
        recorded("Member", "a", "Joined", { team: "red" }),
        recorded("Member", "a", "Moved", { from: "red", to: "blue" }),
        recorded("Member", "a", "Left"),
        recorded("Member", "a", "Left")
      ]
      const changes = yield* Stream.runCollect(Projection.scan(Scores, Stream.fromIterable(events)))
      expect(changes).toEqual([
        { key: "a", row: { team: "red", points: 0 }, position: events[0]?.position },
        { key: "a", row: undefined, position: events[2]?.position }
      ])
    })
  )

  it.effect("fails with a typed error on an event that it cannot decode", () =>
    Effect.gen(function* () {
      const broken = recorded("Member", "a", "Joined", { team: 7 })
      const error = yield* Effect.flip(Projection.fold(Scores, [broken]))
      expect(error.reason).toMatchObject({
        _tag: "UndecodableEvent",
        stream: "Member-a",
        type: "Joined",
        position: broken.position
      })
      expect(error.message).toContain('["team"]')
    })
  )
})

describe("a projection of several aggregates, with several keys", () => {
  const Teams = Projection.make("teams", {
    from: [Member, Guest],
    row: Schema.Struct({ members: Schema.Int, guests: Schema.Int }),
    initial: { members: 0, guests: 0 },
    key: (event) =>
      event.type === "Joined"
        ? event.data.team
        : event.type === "Moved"
          ? [event.data.from, event.data.to, event.data.to]
          : []
  })({
    evolve: {
      Member: {
        Joined: (row) => ({ ...row, members: row.members + 1 }),
        Moved: (row) => ({ ...row, members: row.members + 10 })
      },
      Guest: { Joined: (row) => ({ ...row, guests: row.guests + 1 }) }
    }
  })

  it.effect("keeps colliding tags apart, changes each key once, and starts from initial", () =>
    Effect.gen(function* () {
      const events = [
        recorded("Member", "a", "Joined", { team: "red" }),
        recorded("Guest", "a", "Joined", { team: "red" }),
        recorded("Member", "a", "Moved", { from: "red", to: "blue" }),
        recorded("Guest", "a", "Moved", { from: "red", to: "blue" })
      ]
      expect(yield* rowsOf(Teams, events)).toEqual({
        red: { members: 11, guests: 1 },
        blue: { members: 10, guests: 0 }
      })
    })
  )
})

it.effect("a handler that changes the shared first row fails, and the row stays what it was", () =>
  Effect.gen(function* () {
    const initial = { points: 0, last: { by: "" } }
    const Mutating = Projection.make("mutating", {
      from: [Member],
      row: Schema.Struct({ points: Schema.Int, last: Schema.Struct({ by: Schema.String }) }),
      initial
    })({
      evolve: { Scored: (row, { points }) => Object.assign(row, { points: row.points + points }) }
    })
    const exit = yield* Effect.exit(Projection.fold(Mutating, [recorded("Member", "a", "Scored", { points: 5 })]))
    expect(exit._tag).toBe("Failure")
    expect(initial).toEqual({ points: 0, last: { by: "" } })
    expect(Object.isFrozen(initial.last)).toBe(true)
  })
)

describe("a definition is refused", () => {
  const row = Schema.Struct({ points: Schema.Int, tags: Schema.Array(Schema.String) })
  const define = (name: string, options: object, handlers: object = { evolve: {} }) => {
    const step: (behaviour: never) => unknown = Projection.make(name, { from: [Member], row, ...options } as never)
    return () => step(handlers as never)
  }

  it.each([
    ["without a name", define("", {}), "it needs a name"],
    ["with a version that is none", define("p", { version: 0 }), "its version is 0"],
    ["with an index on what has no order", define("p", { indexes: ["tags"] }), 'its field "tags" cannot be indexed'],
    ["with an index on no field", define("p", { indexes: ["nope"] }), 'its field "nope" cannot be indexed'],
    ["with a handler of no event", define("p", {}, { evolve: { Nope: () => 1 } }), 'Member has no event "Nope"'],
    [
      "with two sources of one name",
      define("p", { from: [Member, member("Member")] }),
      "two of its sources have the same name"
    ]
  ])("%s", (_, made, problem) => {
    expect(made).toThrow(problem)
  })
})
