// The laws of audits: who did what is what a look at every event finds, and a read model as it was is the fold of a prefix.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Audit from "evolvent/Audit"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import type { Recorded } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import type { Metadata } from "evolvent/Metadata"
import * as Position from "evolvent/Position"
import * as Projection from "evolvent/Projection"
import type { ReadModelStore } from "evolvent/ReadModelStore"
import * as StreamName from "evolvent/StreamName"
import * as Random from "../internal/random.ts"
import * as Account from "./Account.ts"
import { trees } from "./AuditTreeLaws.ts"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import { Subject } from "./Subject.ts"

type Services = EventStore | CheckpointStore | ReadModelStore

const millis = (time: DateTime.Utc): number => DateTime.toEpochMillis(time)

/** Deposits and withdrawals on some accounts of two kinds, by one of three or by nobody; now and then some time later. */
const write = Effect.fnUntraced(function* (random: Random.Random, kinds: ReadonlyArray<string>, count: number) {
  const store = yield* EventStore
  const names = yield* Effect.forEach(["ada", "bob", "cyd"], Fresh.name)
  const maybe = (key: string, values: ReadonlyArray<string>): Metadata => {
    const value = random.chance(0.7) ? random.pick(values) : undefined
    return value === undefined ? {} : { [key]: value }
  }
  for (let n = 0; n < count; n++) {
    const metadata = {
      ...maybe("actor", names),
      ...maybe("correlationId", names),
      ...maybe("causationId", names),
      ...maybe("commandId", names)
    }
    const stream = StreamName.make(random.pick(kinds) ?? "", String(random.below(3)))
    const type = random.chance(0.8) ? "Deposited" : "Withdrawn"
    yield* store.append(stream, [{ type, data: { amount: n }, metadata }])
    if (random.chance(0.3)) yield* Effect.sleep(2)
  }
  const all = yield* Contents.of(EventFilter.categories(kinds.map((category) => ({ category }))))
  return { names, all }
})

/** Some place in or beside events: a position or a time. */
const place = (random: Random.Random, all: ReadonlyArray<Recorded>): Audit.Place => {
  const { position, recordedAt } = random.pick(all) as Recorded
  const shift = random.below(3) - 1
  return random.chance(0.5)
    ? { position: Position.make(position + shift) }
    : { time: DateTime.add(recordedAt, { milliseconds: shift }) }
}

const isFrom = (event: Recorded, { position, time }: Audit.Place): boolean =>
  time === undefined ? event.position >= position : millis(event.recordedAt) >= millis(time)

const isTo = (event: Recorded, { position, time }: Audit.Place): boolean =>
  time === undefined ? event.position <= position : millis(event.recordedAt) <= millis(time)

const searched = law(
  "Audit 1 a search finds what a look at every event finds: by whom, of which conversation, cause and command, and when",
  Effect.gen(function* () {
    const { by } = yield* Subject
    const seed = yield* Fresh.name("")
    const random = Random.make(seed)
    const kinds = [yield* Fresh.name("Account"), yield* Fresh.name("Account")]
    const { all, names } = yield* write(random, kinds, 40)
    const both = EventFilter.categories(kinds.map((category) => ({ category })))
    const one = EventFilter.category(kinds[0] ?? "", { types: ["Deposited"] })
    const stream = EventFilter.stream(StreamName.make(kinds[1] ?? "", "0"))
    const any = EventFilter.all()
    const first = all[0]?.position ?? Position.beginning
    for (let n = 0; n < 60; n++) {
      // Of all events only where something is asked for that others do not have.
      const actor = random.pick(names) ?? ""
      const filter = random.pick([both, both, one, stream, any]) ?? both
      const search: Audit.Search = {
        filter,
        direction: random.pick(["forwards", "backwards"] as const) ?? "forwards",
        ...(filter === any || random.chance(0.4) ? { actor } : {}),
        ...(random.chance(0.2) ? { correlationId: random.pick(names) ?? "" } : {}),
        ...(random.chance(0.2) ? { causationId: random.pick(names) ?? "" } : {}),
        ...(random.chance(0.2) ? { commandId: random.pick(names) ?? "" } : {}),
        ...(filter === any ? { from: { position: first } } : random.chance(0.5) ? { from: place(random, all) } : {}),
        ...(random.chance(0.5) ? { to: place(random, all) } : {})
      }
      const { from, to } = search
      const matches = EventFilter.predicate(filter)
      const isMeant = (event: Recorded): boolean =>
        matches(event) &&
        (["actor", "correlationId", "causationId", "commandId"] as const).every(
          (key) => search[key] === undefined || event.metadata[key] === search[key]
        ) &&
        (from === undefined || isFrom(event, from)) &&
        (to === undefined || isTo(event, to))
      const expected = all.filter(isMeant).map(({ id }) => id)
      if (search.direction === "backwards") expected.reverse()
      const found = yield* Stream.runCollect(by(search))
      const did = `searched 40 events (seed ${seed}) for ${JSON.stringify(search)}`
      yield* Check.equal(
        did,
        found.map(({ id }) => id),
        expected
      )
    }
  })
)

const row = Schema.Struct({ trail: Schema.String })
const initial = { trail: "" }
const evolve = {
  Deposited: ({ trail }: typeof row.Type, { amount }: { readonly amount: number }) => ({ trail: `${trail}+${amount}` }),
  Withdrawn: () => Projection.remove
}

const inOrder = (rows: ReadonlyMap<string, unknown>) => [...rows].sort(([a], [b]) => (a < b ? -1 : 1))

const asItWas = law(
  "Audit 2 a read model as of any position or time is the fold of the events up to there, whole or of some keys",
  Effect.gen(function* () {
    const { loadRows } = yield* Subject
    const seed = yield* Fresh.name("")
    const [one, other] = [yield* Account.make(), yield* Account.make()]
    const { all } = yield* write(Random.make(seed), [one.name, other.name], 15)
    const byStream = Projection.make(yield* Fresh.name("rows"), { from: [one, other], row, initial })({
      evolve: { [one.name]: evolve, [other.name]: evolve }
    })
    const key = ({ data: { amount }, streamId }: { readonly data: { readonly amount: number }; streamId: string }) =>
      amount % 5 === 0 ? [] : [streamId, "all"]
    const byKey = Projection.make(yield* Fresh.name("rows"), { from: [one], row, initial, key })({ evolve })
    const times = all.flatMap(({ recordedAt }) =>
      [-1, 0, 1].map((by) => DateTime.add(recordedAt, { milliseconds: by }))
    )
    const places: ReadonlyArray<Audit.Place> = [
      { position: Position.beginning },
      ...all.map(({ position }) => ({ position })),
      ...times.map((time) => ({ time }))
    ]
    const keys = ["0", "1", "all"]
    for (const at of places) {
      const prefix = all.filter((event) => isTo(event, at))
      for (const projection of [byStream, byKey]) {
        const did = `loaded ${projection.name} (seed ${seed}) at ${JSON.stringify(at)}`
        const expected = inOrder(yield* Projection.fold(projection, prefix))
        yield* Check.equal(did, inOrder(yield* loadRows(projection, { at })), expected)
        const some = inOrder(yield* loadRows(projection, { at, keys }))
        yield* Check.equal(
          `${did}, some of its keys`,
          some,
          expected.filter(([key]) => keys.includes(key))
        )
      }
    }
    const now = inOrder(yield* Projection.fold(byStream, all))
    yield* Check.equal(`loaded ${byStream.name} as it is now`, inOrder(yield* loadRows(byStream)), now)
  })
)

/** The laws of audits. */
export const laws: ReadonlyArray<Law<Services>> = [searched, asItWas, ...trees]
