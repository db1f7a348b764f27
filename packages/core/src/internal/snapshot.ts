// Where loading starts: at a snapshot where there is a usable one, else at the initial state; and the taking of snapshots.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import type { Aggregate } from "../Aggregate.ts"
import type { EventData } from "../EventData.ts"
import * as Position from "../Position.ts"
import type { Revision } from "../Revision.ts"
import { CurrentPolicy, SnapshotStore } from "../SnapshotStore.ts"
import type { StreamName } from "../StreamName.ts"

/** A state, and where the last event that made it stands. */
export interface Loaded<State> {
  readonly state: State
  readonly revision: Revision | undefined
  readonly position: Position.Position
}

/** Where loading starts; a snapshot is only a claim until its last event was seen in the store. */
export interface Start<State> extends Loaded<State> {
  /** The id of the last event in a snapshot. */
  readonly snapshotOf?: string
}

/** What is known of an entity before anything was read. */
export const unloaded = <Name extends string, Id, Command, Event, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>
): Loaded<State> => ({ state: aggregate.initial, revision: undefined, position: Position.beginning })

/** The policy for an aggregate and the store, where the surroundings have both. */
const snapshotsOf = (aggregate: { readonly name: string }) =>
  Effect.contextWith((context: Context.Context<never>) => {
    const policy = Context.get(context, CurrentPolicy)
    const applies = policy !== undefined && (policy.of?.some(({ name }) => name === aggregate.name) ?? true)
    const store = applies ? Context.getOrUndefined(context, SnapshotStore) : undefined
    return Effect.succeed(store === undefined ? undefined : { store, every: policy?.every ?? Infinity })
  })

/** The newest snapshot, unless it lies above a revision, or nothing loaded. One that cannot be read is no snapshot. */
export const fromSnapshot = Effect.fnUntraced(function* <Name extends string, Id, Command, Event, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  stream: StreamName,
  atMost = Infinity
): Effect.fn.Return<Start<State>> {
  const snapshots = yield* snapshotsOf(aggregate)
  if (snapshots === undefined) return unloaded(aggregate)
  const load = snapshots.store.load(stream, aggregate.codecs.fingerprint)
  const found = yield* Effect.catch(load, (error) => Effect.as(Effect.logWarning(error.message), undefined))
  if (found === undefined || found.revision > atMost) return unloaded(aggregate)
  const stored = parse(found.state)
  const state = aggregate.codecs.state.decode(stored.state)
  return Result.isFailure(state)
    ? unloaded(aggregate)
    : { state: state.success, revision: found.revision, position: found.position, snapshotOf: stored.lastEvent }
})

// What a snapshot store keeps of a state: the state, and the event that it is true at.
interface Stored {
  readonly lastEvent: string
  readonly state: Json
}

const nothingStored: Stored = { lastEvent: "", state: null }

const parse = (text: string): Stored => {
  try {
    const stored = JSON.parse(text) as Partial<Stored> | null
    return { lastEvent: String(stored?.lastEvent), state: stored?.state ?? null }
  } catch {
    return nothingStored
  }
}

/** Takes a snapshot when the stream grew past a multiple of the policy's number: off the caller's path, never failing it. */
export const takeSnapshot = Effect.fnUntraced(function* <Name extends string, Id, Command, Event, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  stream: StreamName,
  before: Loaded<State>,
  events: ReadonlyArray<EventData>,
  appended: { readonly revision: Revision | undefined; readonly position: Position.Position }
): Effect.fn.Return<void> {
  const snapshots = yield* snapshotsOf(aggregate)
  const { position, revision } = appended
  if (snapshots === undefined || revision === undefined) return
  const { every, store } = snapshots
  const eventsBefore = revision + 1 - events.length
  if (Math.floor((revision + 1) / every) === Math.floor(eventsBefore / every)) return
  const save = Effect.suspend(() => {
    // Folded from what was stored, as a replay does: `decide` may return more than the events' schema keeps.
    let after = before.state
    for (const { data, schemaVersion = 1, type } of events) {
      for (const event of Result.getOrThrow(aggregate.codecs.event.decode(type, schemaVersion, data))) {
        after = aggregate.evolve(after, event)
      }
    }
    const encoded = aggregate.codecs.state.encode(after)
    if (Result.isFailure(encoded)) return Effect.logWarning(`No snapshot of ${stream}: ${encoded.failure}`)
    const lastEvent = String(events.at(-1)?.id)
    const state = JSON.stringify({ lastEvent, state: encoded.success } satisfies Stored)
    return store.save({ stream, fingerprint: aggregate.codecs.fingerprint, revision, position, state })
  })
  yield* Effect.forkDetach(Effect.catchCause(save, (cause) => Effect.logWarning(`No snapshot of ${stream}`, cause)))
})
