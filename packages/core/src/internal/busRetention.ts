// busRetention: which groups there are, and the removal of messages that are old and that no group still needs.
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import * as Stream from "effect/Stream"
import type { CheckpointStore } from "../CheckpointStore.ts"
import type { CheckpointStoreError } from "../CheckpointStoreError.ts"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import * as EventId from "../EventId.ts"
import type { EventStore } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import * as Metadata from "../Metadata.ts"
import * as Position from "../Position.ts"
import type { Revision } from "../Revision.ts"
import * as StreamName from "../StreamName.ts"
import * as parking from "./processorParking.ts"
import * as slots from "./slots.ts"

/** What is known of groups and removals, in a stream of its own. */
type Change =
  | { readonly type: "Subscribed"; readonly data: { readonly group: string } }
  | { readonly type: "Removing"; readonly data: { readonly before: ReadonlyArray<number> } }

interface State {
  readonly revision: Revision | undefined
  /** When each group was last subscribed to, in epoch milliseconds. */
  readonly lastSeen: ReadonlyMap<string, number>
  /** Up to where the messages of each slot were removed. */
  readonly removed: ReadonlyArray<number>
}

const registry = StreamName.make("$groups", "bus")

/** The stream of a slot's messages. */
export const streamOf = (slot: number): StreamName.StreamName => StreamName.make("$bus", String(slot))

/** What the names of a group's checkpoints begin with. */
export const nameOf = (group: string): string => `bus/${group}`

// Often enough that a group counts as there, seldom enough that the registry stays small.
const longestBeat = Duration.toMillis("1 day")

/** The registry of groups, and the removal of messages older than `retention` where one is given. */
export const make = (
  store: EventStore["Service"],
  checkpoints: CheckpointStore["Service"],
  retention: Duration.Duration | undefined
) => {
  const age = retention === undefined ? Infinity : Duration.toMillis(retention)
  const beat = Math.max(1, Math.min(longestBeat, Math.floor(age / 4)))

  const read: Effect.Effect<State, EventStoreError> = Effect.map(
    Stream.runCollect(store.read(EventFilter.stream(registry))),
    (events) => {
      const lastSeen = new Map<string, number>()
      const removed = slots.all.map(() => 0)
      for (const event of events) {
        const change = changeOf(event)
        if (change.type === "Subscribed") lastSeen.set(change.data.group, DateTime.toEpochMillis(event.recordedAt))
        else change.data.before.forEach((before, slot) => (removed[slot] = Math.max(removed[slot] ?? 0, before)))
      }
      return { revision: events.at(-1)?.revision, lastSeen, removed }
    }
  )

  const append = ({ data, type }: Change, options: { readonly id?: EventId.EventId; readonly expected?: Expected }) =>
    Metadata.detached(
      store.append(
        registry,
        [{ type, data: data as unknown as Json, ...(options.id === undefined ? {} : { id: options.id }) }],
        {
          expected: options.expected ?? "any"
        }
      )
    )

  /** Says that a group is there: once in a while, whoever says it how often. */
  const register = (group: string): Effect.Effect<void, EventStoreError> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const id = EventId.derive(`$groups ${beat}`, group, Math.floor(now / beat))
      return Effect.asVoid(append({ type: "Subscribed", data: { group } }, { id })).pipe(
        Effect.catchTags({ WrongExpectedRevision: Effect.die, EventIdReused: Effect.die })
      )
    })

  /** Gives up what is parked and no longer there, and says what a group may have missed while it was away. */
  const tell = Effect.fnUntraced(function* (
    group: string
  ): Effect.fn.Return<void, EventStoreError | CheckpointStoreError> {
    const { removed } = yield* read
    if (removed.every((before) => before === 0)) return
    const name = nameOf(group)
    const stands = yield* checkpoints.loadAll(slots.namesOf(name))
    // Whoever begins to listen gets what there is.
    if (stands.every(({ position }) => position === Position.beginning)) return
    const missed = removed.filter((before, slot) => before - 1 > (stands[slot]?.position ?? 0)).length
    const { entries } = yield* parking.read(store, name)
    let lost = 0
    for (const ofKey of entries.values()) {
      for (const entry of ofKey.values()) {
        if (entry.position >= (removed[slots.slotOf(entry.key)] ?? 0)) continue
        if ((yield* parking.eventOf(store, entry)) !== undefined) continue
        lost += 1
        yield* parking.drop(store, name, entry.eventId)
      }
    }
    if (missed === 0 && lost === 0) return
    yield* Effect.logWarning(
      `Bus group "${group}" was away for longer than messages are kept. What it had not handled by then is gone: in ` +
        `${missed} of ${slots.count} parts of its keys there may be such messages, and ${lost} of its parked ones were among them.`
    )
  })

  /** Removes what is older than the retention, but nothing that a group has yet to handle which was there within that time. */
  const sweep = Effect.gen(function* () {
    const recordedBefore = DateTime.makeUnsafe((yield* Clock.currentTimeMillis) - age)
    const state = yield* read
    const head = yield* store.head
    const [young] = yield* Stream.runCollect(
      store.read(EventFilter.all({ system: true }), { from: { time: recordedBefore }, limit: 1 })
    )
    const before = slots.all.map((): number => young?.position ?? head + 1)
    const hold = (slot: number, position: number) => (before[slot] = Math.min(before[slot] ?? position, position))
    for (const [group, seen] of state.lastSeen) {
      if (seen < DateTime.toEpochMillis(recordedBefore)) continue
      // First the checkpoints: what is parked meanwhile lies behind what they said.
      const stands = yield* checkpoints.loadAll(slots.namesOf(nameOf(group)))
      stands.forEach(({ position }, slot) => hold(slot, position + 1))
      const { entries } = yield* parking.read(store, nameOf(group))
      for (const ofKey of entries.values())
        for (const { key, position } of ofKey.values()) hold(slots.slotOf(key), position)
    }
    const removable = yield* Effect.filter(slots.all, (slot) => isBelow(slot, before[slot] ?? 0))
    if (removable.length === 0) return
    // Whoever comes back later than this reads that it missed something; whoever came before makes it wait for the next time.
    const told = before.map((position, slot) => (removable.includes(slot) ? position : 0))
    yield* append({ type: "Removing", data: { before: told } }, { expected: state.revision ?? "noStream" })
    for (const slot of removable) {
      yield* store.truncate(streamOf(slot), { before: Position.make(before[slot] ?? 0), recordedBefore })
    }
  })

  /** Whether a slot has messages below a position, other than its last one. */
  const isBelow = Effect.fnUntraced(function* (slot: number, position: number) {
    const [first, second] = yield* Stream.runCollect(store.read(EventFilter.stream(streamOf(slot)), { limit: 2 }))
    return first !== undefined && first.position < position && second !== undefined
  })

  return {
    register,
    tell,
    /** Keeps a group there; a process that slept for long hears of what its group missed. */
    keep: (group: string): Effect.Effect<never> =>
      Effect.forever(
        Effect.andThen(
          Effect.sleep(Duration.millis(Math.max(1, beat / 2))),
          Effect.ignore(Effect.andThen(register(group), tell(group)))
        )
      ),
    sweep,
    /** Sweeps again and again. */
    run: Effect.forever(
      Effect.andThen(
        sweep.pipe(
          Effect.catchTag("WrongExpectedRevision", () => Effect.void),
          Effect.catchCause((cause) => Effect.logWarning("Bus: old messages could not be removed; trying again", cause))
        ),
        Effect.sleep(Duration.millis(Math.min(longestSweep, Math.max(10, age / 24))))
      )
    )
  }
}

type Expected = Revision | "noStream" | "any"

const longestSweep = Duration.toMillis("1 hour")

// Only this module writes the stream, in the shapes above.
const changeOf = ({ data, type }: Recorded): Change => ({ type, data }) as unknown as Change
