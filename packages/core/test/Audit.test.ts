// Audit.tree, forest and render: causes and effects across streams, and over the bus; what cannot be found is said.
import { it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import * as Audit from "../src/Audit.ts"
import * as Bus from "../src/Bus.ts"
import type { Recorded } from "../src/EventData.ts"
import * as EventFilter from "../src/EventFilter.ts"
import * as EventId from "../src/EventId.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import * as Metadata from "../src/Metadata.ts"
import * as Position from "../src/Position.ts"
import * as Processor from "../src/Processor.ts"
import * as Revision from "../src/Revision.ts"
import * as StreamName from "../src/StreamName.ts"

const nothing = EventId.make("00000000-0000-7000-8000-000000000000")

/** Appends one event, named by its type, and gives it as it is stored. */
const append = Effect.fnUntraced(function* (type: string, causationId?: string, stream = `Note-${type}`) {
  const store = yield* EventStore
  const name = StreamName.make("Note", stream.slice(5))
  const id = yield* EventId.generate
  yield* store.append(name, [
    { id, type, data: { secret: type }, metadata: causationId === undefined ? {} : { causationId } }
  ])
  return (yield* store.find(name, id)) ?? expect.fail("it is not stored")
})

/** Each event below its cause, as `type > effects`. */
const shape = (nodes: ReadonlyArray<Audit.Node>): string =>
  nodes.map(({ effects, event }) => event.type + (effects.length === 0 ? "" : `(${shape(effects)})`)).join(" ")

const types = (events: ReadonlyArray<Recorded>) => events.map(({ type }) => type)

const lines = (tree: Audit.Tree | ReadonlyArray<Audit.Node>, options: Audit.RenderOptions = {}) =>
  Audit.render(tree, { line: ({ type }) => type, ...options }).split("\n")

const none = { causes: false, effects: false, orphans: false }

const inMemory = Effect.provide(Memory.layer)

describe("tree", () => {
  it.effect("says what caused an event, and what it led to, and nothing of its siblings", () =>
    Effect.gen(function* () {
      const a = yield* append("a")
      const b = yield* append("b", a.id)
      const c = yield* append("c", b.id)
      yield* append("sibling", b.id)
      const d = yield* append("d", c.id)
      yield* append("e", c.id)
      yield* append("f", d.id)
      yield* append("stranger")
      for (const options of [{}, { stream: c.stream }, { filter: EventFilter.category("Note") }]) {
        const tree = yield* Audit.tree(c.id, options)
        expect([tree.event, tree.missing, tree.hasMore]).toEqual([c, undefined, none])
        expect(types(tree.causes)).toEqual(["a", "b"])
        expect(shape(tree.effects)).toBe("d(f) e")
      }
      const root = yield* Audit.tree(a.id)
      expect([root.causes, shape(root.effects)]).toEqual([[], "b(c(d(f) e) sibling)"])
    }).pipe(inMemory)
  )

  it.effect("a cause that is not there is named, and so is one outside of the bounds", () =>
    Effect.gen(function* () {
      const a = yield* append("a", nothing)
      const b = yield* append("b", a.id)
      const c = yield* append("c", b.id)
      const d = yield* append("d", c.id)
      const whole = yield* Audit.tree(c.id)
      expect([whole.missing, types(whole.causes)]).toEqual([nothing, ["a", "b"]])
      const bounded = yield* Audit.tree(c.id, { from: { position: b.position }, to: { position: c.position } })
      expect([bounded.missing, types(bounded.causes), bounded.effects]).toEqual([a.id, ["b"], []])
      const alone = yield* Audit.tree(d.id, { stream: d.stream, from: { position: d.position } })
      expect([alone.missing, alone.causes]).toEqual([c.id, []])
    }).pipe(inMemory)
  )

  it.effect(
    "later events of the conversation whose cause is gone are orphans, and those of others' causes are not",
    () =>
      Effect.gen(function* () {
        const root = yield* append("root")
        const early = yield* append("early", root.id)
        const a = yield* append("a", root.id)
        const gone = yield* append("gone", a.id)
        const left = yield* append("left", gone.id)
        yield* append("leaf", left.id)
        yield* append("of early", early.id)
        yield* append("of root", root.id)
        yield* append("new")
        yield* append("stranger", nothing).pipe(Metadata.provide({ correlationId: "elsewhere" }))
        const kept = ["root", "early", "a", "left", "leaf", "of early", "of root", "new", "stranger"]
        const filter = EventFilter.category("Note", { types: kept })
        const tree = yield* Audit.tree(a.id, { filter })
        expect([types(tree.causes), tree.effects, shape(tree.orphans)]).toEqual([["root"], [], "left(leaf)"])
        expect(lines(tree)).toEqual(["root", "→ a ◀", `left (its cause ${gone.id} is not here)`, "└─ leaf"])
        const few = yield* Audit.tree(a.id, { filter, limit: 1 })
        expect([shape(few.orphans), few.hasMore]).toEqual(["left", { causes: false, effects: false, orphans: true }])
        const whole = yield* Audit.tree(a.id)
        expect([shape(whole.effects), whole.orphans]).toEqual(["gone(left(leaf))", []])
      }).pipe(Metadata.provide({ correlationId: "talk" }), inMemory)
  )

  it.effect("where a stream was archived, its events are missing causes, and what they led to are orphans", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      const a = yield* append("a")
      const b = yield* append("b", a.id)
      const c = yield* append("c", b.id)
      yield* store.remove(b.stream, { as: "archived", expected: b.revision })
      const tree = yield* Audit.tree(a.id)
      expect([tree.effects, shape(tree.orphans)]).toEqual([[], "c"])
      expect((yield* Audit.tree(c.id)).missing).toBe(b.id)
    }).pipe(Metadata.provide({ correlationId: "talk" }), inMemory)
  )

  it.effect("what claims to be caused by itself, or by something later, has no cause that can be found", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      const [one, two] = [yield* EventId.generate, yield* EventId.generate]
      const data = { data: {}, metadata: { causationId: two } }
      yield* store.append(StreamName.make("Note", "1"), [
        { ...data, id: one, type: "one" },
        { ...data, id: two, type: "two" }
      ])
      for (const id of [one, two]) {
        const tree = yield* Audit.tree(id)
        expect([tree.causes, tree.missing, tree.effects, tree.orphans]).toEqual([[], two, [], []])
      }
      const all = yield* Stream.runCollect(store.read(EventFilter.all()))
      expect(shape(Audit.forest(all))).toBe("one two")
    }).pipe(inMemory)
  )

  it.effect("keeps to its limit, and says that there is more", () =>
    Effect.gen(function* () {
      const chain = [yield* append("0")]
      for (let i = 1; i < 10; i++) chain.push(yield* append(String(i), chain.at(-1)?.id))
      const middle = chain[5] ?? expect.fail("no chain")
      const some = yield* Audit.tree(middle.id, { limit: 3 })
      expect([types(some.causes), some.missing, some.hasMore]).toEqual([
        ["2", "3", "4"],
        undefined,
        { causes: true, effects: true, orphans: false }
      ])
      expect(shape(some.effects)).toBe("6(7(8))")
      const enough = yield* Audit.tree(middle.id, { limit: 5 })
      expect([types(enough.causes).length, enough.hasMore]).toEqual([5, none])
      const text = "… more causes|→ 2|→ 3|→ 4|→ 5 ◀|  └─ 6|     └─ 7|        └─ 8|… more"
      expect(lines(some).join("|")).toBe(text)
      const empty = yield* Audit.tree(middle.id, { limit: 0 })
      expect([empty.causes, empty.effects, empty.hasMore]).toEqual([
        [],
        [],
        { causes: true, effects: true, orphans: false }
      ])
      const refused = yield* Effect.flip(Audit.tree(middle.id, { limit: NaN }))
      expect(refused.message).toContain("the limit is NaN, not a whole number from 0")
    }).pipe(inMemory)
  )

  it.effect("reads no more than it has to, back from where the event stands", () =>
    Effect.gen(function* () {
      const whole = yield* EventStore
      for (let i = 0; i < 30; i++) yield* append(`before ${i}`, undefined, "Note-many")
      const a = yield* append("a")
      const b = yield* append("b", a.id)
      const reads: Array<unknown> = []
      const store: EventStore["Service"] = {
        ...whole,
        read: (filter, options) => {
          const places = { direction: options?.direction ?? "forwards", from: options?.from?.position }
          return whole.read(filter, options).pipe(
            Stream.rechunk(1),
            Stream.tap(({ type }) => Effect.sync(() => reads.push({ ...places, type })))
          )
        }
      }
      yield* Audit.tree(b.id, { stream: b.stream }).pipe(Effect.provideService(EventStore, store))
      expect(reads).toEqual([{ direction: "backwards", from: a.position, type: "a" }])
      reads.length = 0
      yield* Audit.tree(a.id, { stream: a.stream }).pipe(Effect.provideService(EventStore, store))
      expect(reads).toEqual([{ direction: "forwards", from: b.position, type: "b" }])
      // What another effect of the same cause led to needs no second look back.
      const c = yield* append("c", a.id).pipe(Metadata.provide({ correlationId: a.id }))
      yield* append("d", a.id).pipe(Metadata.provide({ correlationId: a.id }))
      reads.length = 0
      yield* Audit.tree(c.id, { stream: c.stream }).pipe(Effect.provideService(EventStore, store))
      expect(reads.filter((read) => (read as { readonly type: string }).type === "a").length).toBe(1)
    }).pipe(inMemory)
  )

  it.effect("an event that is nowhere is an error that says where it was looked for", () =>
    Effect.gen(function* () {
      const a = yield* append("a")
      const of = (options?: Audit.TreeOptions) => Effect.map(Effect.flip(Audit.tree(nothing, options)), String)
      expect(yield* of()).toBe(
        `EventNotFound: Audit.tree looked for the event ${nothing} among all events and did not find it. Compare the id; where ` +
          `it is right, the event is of another store, was archived, or lies outside of "stream", "filter", "from" or "to".`
      )
      expect(yield* of({ stream: a.stream })).toContain("among the events of stream Note-a and")
      const time = DateTime.makeUnsafe("2026-11-23T12:00:00Z")
      const filter = EventFilter.category("Note", { types: ["a"] })
      expect(yield* of({ filter, from: { time }, to: { position: a.position } })).toContain(
        `among category Note (a), from 2026-11-23T12:00:00.000Z on, up to position ${a.position} and`
      )
    }).pipe(inMemory)
  )
})

describe("forest", () => {
  it.effect("is the same in whatever order events come, once or twice", () =>
    Effect.gen(function* () {
      const a = yield* append("a")
      const b = yield* append("b", a.id)
      const c = yield* append("c", nothing)
      const d = yield* append("d", a.id)
      for (const events of [
        [a, b, c, d],
        [d, c, b, a],
        [b, d, a, c, a, b]
      ]) {
        expect(shape(Audit.forest(events))).toBe("a(b d) c")
      }
      expect(lines(Audit.forest([a, b, c, d]))).toEqual(["a", "├─ b", "└─ d", `c (its cause ${nothing} is not here)`])
    }).pipe(inMemory)
  )

  it("a chain of many thousand is built and written down, as deep as is asked for", () => {
    const count = 20_000
    const ids = Array.from({ length: count }, (_, i) => EventId.derive("chain", "1", i))
    const chain = ids.map((id, i): Recorded => ({
      id,
      stream: StreamName.make("Note", "1"),
      category: "Note",
      streamId: "1",
      revision: Revision.make(i),
      position: Position.make(i + 1),
      type: String(i),
      schemaVersion: 1,
      data: {},
      metadata: i === 0 ? {} : { causationId: ids[i - 1] ?? "" },
      recordedAt: DateTime.makeUnsafe(0)
    }))
    expect(lines(Audit.forest(chain), { depth: 2 })).toEqual(["0", "└─ 1", "   └─ 2", "      └─ … 19997 more"])
    expect(lines(Audit.forest(chain)).length).toBe(42)
  })
})

describe("render", () => {
  it.effect("says of an event where and when it was and who did it, and nothing of its data", () =>
    Effect.gen(function* () {
      const a = yield* append("Opened", nothing, "Note-1\u001b[2Jx\n\u202ey").pipe(Metadata.provide({ actor: "ada" }))
      const at = DateTime.formatIso(a.recordedAt)
      expect(Audit.render(yield* Audit.tree(a.id))).toBe(
        `? ${nothing}, not found\n→ Note-1\\u{1b}[2Jx\\u{a}\\u{202e}y 0 Opened by ada, ${at}, ${a.id} ◀`
      )
      const withData = { line: ({ data }: Recorded) => JSON.stringify(data) }
      expect(Audit.render(Audit.forest([a]), withData)).toBe(`{"secret":"Opened"} (its cause ${nothing} is not here)`)
    }).pipe(inMemory)
  )
})

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: {} }),
  event: Schema.TaggedUnion({ Added: {} }),
  state: Schema.Null,
  initial: null
})({ decide: { Add: () => [{ _tag: "Added" }] }, evolve: { Added: () => null } })

describe("over the bus", () => {
  it.live("what a message led to is caused by the event that it tells of, and the message is no event of its own", () =>
    Effect.gen(function* () {
      const bus = yield* Bus.Bus
      yield* Effect.forkScoped(Processor.run(Processor.relay("r", { from: [Counter] })))
      const topics = [{ category: "Counter" }]
      yield* Effect.forkScoped(bus.subscribe("group", { topics }, () => append("handled")))
      const { position } = yield* Aggregate.execute(Counter, "1", { _tag: "Add" }).pipe(
        Metadata.provide({ actor: "ada" })
      )
      const store = yield* EventStore
      const events = store.read(EventFilter.all({ types: ["handled"] }))
      while ((yield* Stream.runCount(events)) === 0) yield* Effect.sleep("5 millis")
      const [{ id } = expect.fail("nothing was handled")] = yield* Stream.runCollect(events)
      const tree = yield* Audit.tree(id)
      expect([types(tree.causes), tree.causes[0]?.position, tree.event.metadata.actor]).toEqual([
        ["Added"],
        position,
        "ada"
      ])
    }).pipe(Effect.scoped, inMemory)
  )
})
