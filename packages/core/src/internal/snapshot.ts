// Where loading starts: at a snapshot where there is a usable one, else at the initial state; and the taking of snapshots.
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import * as Result from "effect/Result"
import * as Scheduler from "effect/Scheduler"
import type { Json } from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Aggregate } from "../Aggregate.ts"
import type { EventData } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import { EventStore } from "../EventStore.ts"
import * as Position from "../Position.ts"
import type { Revision } from "../Revision.ts"
import { CurrentPolicy, SnapshotStore } from "../SnapshotStore.ts"
import type { Rule } from "../SnapshotStore.ts"
import type { StreamName } from "../StreamName.ts"
import * as Tombstone from "../Tombstone.ts"
import * as counts from "./counts.ts"
import * as bounded from "./bounded.ts"
import { utf8Length } from "./json.ts"
import { isDue, measures, ruleOf } from "./snapshotPolicy.ts"

/** A state, and where the last event that made it stands. */
export interface Loaded<State> {
  readonly state: State
  readonly revision: Revision | undefined
  readonly position: Position.Position
}

/** What is known of the last snapshot of a stream, and of the events behind it. */
export interface Since {
  /** The revision of the snapshot, or of the last try at one that is known here; undefined without one. */
  readonly snapshot: Revision | undefined
  /** In epoch milliseconds; -Infinity where nobody knows. */
  readonly takenAt: number
  /** The data of the events behind it, where the policy asks for that; else 0. */
  readonly bytes: number
  readonly measures: boolean
}

/** Where loading starts. */
export interface Start<State> extends Loaded<State> {
  readonly since: Since
  /** The id of the event at its revision, where that is known. */
  readonly lastEvent: string | undefined
  /** Whether it is only a claim until its last event was seen in the store: what was kept elsewhere may be of another store. */
  readonly isClaim: boolean
}

/** What is known of an entity before anything was read. */
export const unloaded = <Name extends string, Id, Command, Event, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  isMeasured = false
): Start<State> => ({
  state: aggregate.initial,
  revision: undefined,
  position: Position.beginning,
  since: { snapshot: undefined, takenAt: -Infinity, bytes: 0, measures: isMeasured },
  lastEvent: undefined,
  isClaim: false
})

interface Snapshots {
  readonly store: SnapshotStore["Service"]
  readonly rule: Rule
  readonly log: EventStore["Service"] | undefined
}

/** The rule for an aggregate and the store, where the surroundings have both. */
const snapshotsOf = (aggregate: { readonly name: string }) =>
  Effect.contextWith((context: Context.Context<never>): Effect.Effect<Snapshots | undefined> => {
    const rule = ruleOf(Context.get(context, CurrentPolicy), aggregate.name)
    const store = rule === undefined ? undefined : Context.getOrUndefined(context, SnapshotStore)
    if (rule === undefined || store === undefined) return Effect.undefined
    return Effect.succeed({ store, rule, log: Context.getOrUndefined(context, EventStore) })
  })

/** The newest snapshot, unless it lies above a revision, or nothing loaded. One that cannot be read is no snapshot. */
export const fromSnapshot = Effect.fnUntraced(function* <Name extends string, Id, Command, Event, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  stream: StreamName,
  atMost = Infinity
): Effect.fn.Return<Start<State>> {
  const snapshots = yield* snapshotsOf(aggregate)
  if (snapshots === undefined) return unloaded(aggregate)
  const isMeasured = measures(snapshots.rule)
  const load = snapshots.store.load(stream, aggregate.codecs.fingerprint)
  const found = yield* Effect.catch(load, (error) => Effect.as(Effect.logWarning(error.message), undefined))
  const miss = Effect.as(counts.snapshotLoad(aggregate.name, false), unloaded(aggregate, isMeasured))
  if (found === undefined || found.revision > atMost) return yield* miss
  const { lastEvent, state: encoded, takenAt } = parse(found.state)
  const state = aggregate.codecs.state.decode(encoded)
  if (Result.isFailure(state)) return yield* miss
  yield* counts.snapshotLoad(aggregate.name, true)
  const { position, revision } = found
  const since = { snapshot: revision, takenAt, bytes: 0, measures: isMeasured }
  return { state: state.success, revision, position, since, lastEvent, isClaim: true }
})

// What a snapshot store keeps of a state: the state, the event that it is true at, and when it was taken.
interface Stored {
  readonly lastEvent: string
  readonly takenAt: number
  readonly state: Json
}

const nothingStored: Stored = { lastEvent: "", takenAt: -Infinity, state: null }

const parse = (text: string): Stored => {
  try {
    const stored = JSON.parse(text) as Partial<Stored> | null
    const takenAt = typeof stored?.takenAt === "number" ? stored.takenAt : -Infinity
    return { lastEvent: String(stored?.lastEvent), takenAt, state: stored?.state ?? null }
  } catch {
    return nothingStored
  }
}

/** How much the data of some events is: as JSON text, in UTF-8. */
export const bytesOf = (data: Json): number => utf8Length(JSON.stringify(data))

/** What is known of the last snapshot when some more events stand behind it. */
export const sinceWith = (since: Since, events: ReadonlyArray<EventData>): Since =>
  since.measures ? { ...since, bytes: events.reduce((sum, { data }) => sum + bytesOf(data), since.bytes) } : since

/** The last try at a snapshot: on top of which one it was made, and what was known then. */
interface Tried {
  readonly base: Revision | undefined
  readonly revision: Revision
  readonly at: number
  readonly bytes: number
}

// A snapshot that is being saved, or that its store refused, is not tried again with the next command. What falls out of here
// is tried once too often.
const tries = new WeakMap<SnapshotStore["Service"], bounded.Bounded<string, Tried>>()
const triesOf = (store: SnapshotStore["Service"]): bounded.Bounded<string, Tried> => {
  const known = tries.get(store) ?? bounded.make<string, Tried>({ capacity: 10_000, timeToLive: Infinity })
  tries.set(store, known)
  return known
}

// A snapshot is nobody's: it must neither join the transaction that its command is part of, nor break it.
const kept = Context.pick(Clock.Clock, Scheduler.Scheduler, References.CurrentLoggers, References.MinimumLogLevel)
const alone = <A>(effect: Effect.Effect<A>): Effect.Effect<A> =>
  Effect.updateContext(effect, (context: Context.Context<never>): Context.Context<never> => kept(context))

/** Whoever removed a stream meanwhile may have forgotten its snapshots before there was the one that was saved now. */
const forgetRemoved = (log: EventStore["Service"], store: SnapshotStore["Service"], stream: StreamName) =>
  Stream.runForEach(log.read(EventFilter.stream(stream), { direction: "backwards", limit: 1 }), (last) =>
    Tombstone.isTombstone(last) ? store.remove(stream) : Effect.void
  )

/**
 * Takes a snapshot where the policy says that one is due: off the caller's path, never failing it. Gives what is known of the
 * last one then: who keeps the state knows of a try for as long.
 */
export const takeSnapshot = Effect.fnUntraced(function* <Name extends string, Id, Command, Event, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  stream: StreamName,
  before: Start<State>,
  events: ReadonlyArray<EventData>,
  appended: { readonly revision: Revision | undefined; readonly position: Position.Position },
  stateAfter: () => State
): Effect.fn.Return<Since> {
  const snapshots = yield* snapshotsOf(aggregate)
  const { position, revision } = appended
  const since = sinceWith(before.since, events)
  if (snapshots === undefined || revision === undefined) return since
  const { log, rule, store } = snapshots
  const { fingerprint } = aggregate.codecs
  const now = yield* Clock.currentTimeMillis
  const { bytes, snapshot, takenAt } = since
  const key = `${fingerprint}/${stream}`
  const tried = triesOf(store).get(key, now)
  const last = tried !== undefined && tried.base === snapshot && tried.revision < revision ? tried : undefined
  const grown = {
    aggregate: aggregate.name,
    stream,
    revision,
    position,
    events: revision - (last?.revision ?? snapshot ?? -1),
    appended: events.length,
    bytes: bytes - (last?.bytes ?? 0),
    age: Duration.millis(now - (last?.at ?? takenAt))
  }
  const save = Effect.suspend(() => {
    const encoded = aggregate.codecs.state.encode(stateAfter())
    if (Result.isFailure(encoded)) return Effect.logWarning(`No snapshot of ${stream}: ${encoded.failure}`)
    const lastEvent = String(events.at(-1)?.id)
    const state = JSON.stringify({ lastEvent, takenAt: now, state: encoded.success } satisfies Stored)
    const saved = store.save({ stream, fingerprint, revision, position, state })
    return log === undefined ? saved : Effect.andThen(saved, forgetRemoved(log, store, stream))
  })
  const attempt = Effect.suspend(() => {
    if (!isDue(rule, grown)) return Effect.succeed(since)
    triesOf(store).put(key, { base: snapshot, revision, at: now, bytes }, now)
    const apart = save.pipe(
      // A program that ends closes its store in the midst of this: that is worth a line, and no stack.
      Effect.catch(({ message }) => Effect.logWarning(`No snapshot of ${stream}: ${message}`)),
      Effect.catchCause((cause) => Effect.logWarning(`No snapshot of ${stream}`, cause))
    )
    return Effect.as(Effect.forkDetach(alone(apart)), { ...since, snapshot: revision, takenAt: now, bytes: 0 })
  })
  return yield* Effect.catchCause(attempt, (cause) =>
    Effect.as(Effect.logWarning(`No snapshot of ${stream}: its policy failed`, cause), since)
  )
})
