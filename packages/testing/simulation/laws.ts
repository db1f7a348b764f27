// laws: what must hold at the end of a world, when nothing goes wrong any more and everything has come to rest.
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Recorded } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import type { Item } from "./consumer.ts"
import { Account, patience } from "./domain.ts"
import { onShared, targets } from "./operator.ts"
import type { World } from "./world.ts"

const processors = [
  ...targets,
  { name: "Transfer", checkpoint: "manager/Transfer", categories: ["Account", "Request", "Transfer"] }
]

const timers = { name: "$timers Transfer", version: 1, indexes: [] }
const everything = { where: [], orderBy: undefined, direction: "asc", limit: 10_000, after: undefined } as const

/** What keeps a world from being at rest, if anything does. */
export const unrest = (world: World) =>
  Effect.gen(function* () {
    const { checkpointStore, readModelStore } = world.truth
    if (!world.outbox.isEmpty()) return "not everything is written"
    const log = yield* logOf(world)
    for (const target of processors) {
      const last = log.findLast((event) => target.categories.includes(event.category))
      const stands = yield* Effect.orDie(checkpointStore.load(Processor.slotNames(target.checkpoint)))
      const behind = stands.findIndex(({ position }) => position < (last?.position ?? 0))
      if (behind >= 0)
        return `slot ${behind} of ${target.name} stands at ${stands[behind]?.position}, not ${last?.position}`
    }
    for (const target of targets) {
      const parked = yield* onShared(world)(Processor.parked(target))
      if (parked.length > 0) return `${target.name} has parked ${parked.length} events: ${parked[0]?.problem}`
    }
    const due = yield* Effect.orDie(readModelStore.list(timers, everything))
    return due.length === 0 ? undefined : `${due.length} timers are left`
  })

const logOf = (world: World): Effect.Effect<ReadonlyArray<Recorded>> =>
  onShared(world)(EventStore.use((store) => Stream.runCollect(store.read(EventFilter.all({ system: true })))))

/** Looks at everything. */
export const check = Effect.fnUntraced(function* (world: World) {
  const log = yield* logOf(world)
  yield* rows(world, log)
  transfers(world, log)
  deadlines(world, log)
  commands(world, log)
  handled(world, log)
  yield* leases(world)
})

/** The read model is what folding the log gives, less what was dropped. */
const rows = Effect.fnUntraced(function* (world: World, log: ReadonlyArray<Recorded>) {
  const { broken, ledger, truth } = world
  const dropped = droppedOf(log)
  const expected = new Map<string, unknown>()
  if (dropped.size === 0) {
    for (const [key, row] of yield* Effect.orDie(Projection.fold(ledger, log))) expected.set(key, row)
  } else {
    for (const recorded of log.filter(({ category }) => category === "Account")) {
      const decoded = Account.codecs.event.decode(recorded.type, recorded.schemaVersion, recorded.data)
      if (Result.isFailure(decoded) || decoded.success[0] === undefined) continue
      const event = { ...recorded, data: decoded.success[0] }
      for (const key of ledger.keys(event)) {
        if (dropped.has(`${recorded.id} ${key}`)) continue
        const row = ledger.step(expected.get(key) as never, event)
        if (row === undefined) expected.delete(key)
        else expected.set(key, row)
      }
    }
  }
  const stored = yield* Effect.orDie(truth.readModelStore.list(ledger.table, everything))
  const actual = new Map(stored.map(({ key, row }) => [key, JSON.parse(row ?? "null") as unknown]))
  for (const key of new Set([...expected.keys(), ...actual.keys()])) {
    const [is, should] = [JSON.stringify(actual.get(key)), JSON.stringify(expected.get(key))]
    if (is !== should) broken(`the row "${key}" is ${is}, but folding the log gives ${should}`)
  }
})

/** What the operator dropped while it was parked. */
const droppedOf = (log: ReadonlyArray<Recorded>): ReadonlySet<string> => {
  const parked = new Set<string>()
  const dropped = new Set<string>()
  for (const { data, stream, type } of log) {
    if (stream !== "$parked-projection/ledger@1") continue
    const { eventId, key } = data as { readonly eventId?: string; readonly key: string }
    const one = `${eventId} ${key}`
    if (type === "Parked") parked.add(one)
    else if (type === "Dropped" && parked.delete(one)) dropped.add(one)
    else if (type === "Handled") parked.delete(one)
  }
  return dropped
}

/** Every transfer came to an end that fits what the accounts did, and money is neither made nor lost. */
const transfers = ({ broken }: World, log: ReadonlyArray<Recorded>): void => {
  const given = new Map<string, Array<string>>()
  let [opened, held] = [0, 0]
  for (const { category, data, streamId, type } of log) {
    if (!["Account", "Request", "Transfer"].includes(category)) continue
    const { amount = 0, transfer } = data as { readonly amount?: number; readonly transfer?: string }
    if (category === "Account") {
      if (transfer === undefined) opened += amount
      held += type === "Reserved" ? -amount : amount
    }
    const id = category === "Account" ? transfer : streamId
    if (id === undefined) continue
    given.set(id, [...(given.get(id) ?? []), type])
  }
  if (opened !== held) broken(`${opened} was paid in, but the accounts have ${held} together`)
  for (const [id, types] of given) {
    const count = (type: string): number => types.filter((one) => one === type).length
    const story = types.join(" ")
    const twice = types.find((type) => count(type) > 1)
    if (twice !== undefined) broken(`transfer ${id} has ${twice} ${count(twice)} times: ${story}`)
    if (count("Answered") !== 1) broken(`request ${id} has no answer: ${story}`)
    const ends = count("Completed") + count("Failed")
    const isSettled = ends === 1 || (count("GaveUp") === 1 && ends === 0)
    if (!isSettled) broken(`transfer ${id} did not come to one end: ${story}`)
    if (count("Reserved") !== count("Credited") + count("Refunded")) broken(`transfer ${id} lost its money: ${story}`)
    if (count("Completed") !== count("Credited")) broken(`transfer ${id} knows nothing of its end: ${story}`)
  }
}

/** Every process whose deadline has passed has seen it, once and not before its time. */
const deadlines = ({ broken, now }: World, log: ReadonlyArray<Recorded>): void => {
  const own = log.filter(({ category }) => category === "Transfer")
  for (const { recordedAt, streamId, type } of own) {
    const due = DateTime.toEpochMillis(recordedAt) + Duration.toMillis(patience)
    if (type !== "Started" || due > now()) continue
    const seen = own.filter((event) => event.streamId === streamId && ["GaveUp", "Reminded"].includes(event.type))
    const early = seen.find((event) => DateTime.toEpochMillis(event.recordedAt) < due)
    if (seen.length !== 1) broken(`the deadline of transfer ${streamId} was due, and was seen ${seen.length} times`)
    if (early !== undefined) broken(`the deadline of transfer ${streamId} was seen before its time`)
  }
}

/** Every command was carried out once. */
const commands = ({ broken, outbox }: World, log: ReadonlyArray<Recorded>): void => {
  const notes = new Map<string, number>()
  for (const { category, data, streamId } of log) {
    const { note } = data as { readonly note?: string }
    if (category === "Account" && note !== undefined) {
      notes.set(`${streamId} ${note}`, (notes.get(`${streamId} ${note}`) ?? 0) + 1)
    }
  }
  for (const { command, id } of outbox.commands.flatMap(({ items }) => items)) {
    if (!("note" in command)) continue
    const times = notes.get(`${id} ${command.note}`) ?? 0
    if (times !== 1) broken(`the command "${command._tag}, ${command.note}" to ${id} was carried out ${times} times`)
  }
}

/** Every event was handled. */
const handled = ({ broken, listener, outbox, witness }: World, log: ReadonlyArray<Recorded>): void => {
  const reactions = log
    .filter(({ category }) => category === "Account")
    .map(({ id, revision, stream }): Item => ({ id, key: stream, order: revision }))
  const messages = outbox.batches
    .flatMap(({ items }) => items.flat())
    .map(({ id, key, revision }): Item => ({ id, key, order: revision }))
  for (const [consumer, items] of [
    [witness, reactions],
    [listener, messages]
  ] as const) {
    const missing = consumer.missing(items)
    if (missing.length > 0) {
      broken(`${consumer.checkpoint} never handled ${missing.map(({ key, order }) => `${key} ${order}`).join(", ")}`)
    }
  }
}

/** Nobody who is gone holds a lease. */
const leases = Effect.fnUntraced(function* ({ broken, machines, truth }: World) {
  const living = new Set([...machines.values()].flatMap(({ holders }) => [...holders]))
  for (const target of processors) {
    const names = Processor.slotNames(target.checkpoint)
    const holders = yield* Effect.orDie(truth.checkpointStore.holders(names))
    holders.forEach((holder, slot) => {
      if (holder === undefined) broken(`nobody holds the lease of ${names[slot]}`)
      else if (!living.has(holder)) broken(`someone who is gone holds the lease of ${names[slot]}`)
    })
  }
})
