// Rows that were read lately, each kept until the read model has come past an event that touches it.
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { CheckpointStore } from "../CheckpointStore.ts"
import { EventStore } from "../EventStore.ts"
import type { Page } from "../EventStore.ts"
import * as Position from "../Position.ts"
import type { Projection } from "../Projection.ts"
import { ReadModelStore } from "../ReadModelStore.ts"
import * as bounded from "./bounded.ts"
import { frozenAnew } from "./frozen.ts"
import { cacheHits, cacheMisses } from "./metrics.ts"
import { checkpointOf } from "./processorProjection.ts"
import { promised } from "./promised.ts"
import { reach, standsAt } from "./readModelChanges.ts"
import * as remade from "./readModelRemade.ts"
import { apart, toucher } from "./readModelTouches.ts"
import type { Touching } from "./readModelTouches.ts"
import { boundsOf } from "./stateCache.ts"
import type { CacheOptions } from "./stateCache.ts"

/** Which read models are kept, and within which bounds, of each of them. */
export interface RowCacheOptions extends CacheOptions {
  readonly of: ReadonlyArray<Touching>
}

/** The kept rows of one read model. */
interface Rows {
  /** A kept row, or what is read now, which is kept then. */
  readonly get: <A, E, R>(key: string, read: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly follow: Effect.Effect<never, never, CheckpointStore | EventStore>
}

interface Cache {
  readonly store: ReadModelStore["Service"]
  readonly checkpoints: CheckpointStore["Service"]
  readonly of: ReadonlyMap<object, Rows>
}

const Current: Context.Reference<Cache | undefined> = Context.Reference<Cache | undefined>("evolvent/ReadModel/rows", {
  defaultValue: () => undefined
})

const hit = cacheHits.of("rows")
const miss = cacheMisses.of("rows")

// After what failed, a moment: rows are read from their store meanwhile.
const pause = "1 second"

const make = (
  projection: Touching,
  bounds: bounded.Bounds,
  events: EventStore["Service"],
  checkpoints: CheckpointStore["Service"]
): Rows => {
  const rows = bounded.make<string, { readonly row: unknown }>(bounds)
  // Rows that are being read: what is touched meanwhile may have been read before or after.
  const reading = new Map<string, Set<{ isTouched: boolean }>>()
  const checkpoint = checkpointOf(projection)
  // Every kept row is true at this position, or was not changed from there to a later one.
  let through = Position.beginning
  let follows = false

  const touch = (key: string): void => {
    rows.remove(key)
    for (const one of reading.get(key) ?? []) one.isTouched = true
  }
  const touchAll = (): void => {
    rows.clear()
    for (const key of reading.keys()) touch(key)
  }

  const readAnew = <A, E, R>(key: string, read: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      const one = { isTouched: !follows }
      const others = reading.get(key) ?? new Set()
      reading.set(key, others.add(one))
      const keep = (row: A, now: number): void => {
        if (!one.isTouched) rows.put(key, { row: frozenAnew(row) }, now)
      }
      return read.pipe(
        Effect.tap((row) => Effect.map(Clock.currentTimeMillis, (now) => keep(row, now))),
        Effect.ensuring(
          Effect.sync(() => {
            others.delete(one)
            if (others.size === 0 && reading.get(key) === others) reading.delete(key)
          })
        )
      )
    })

  const take = Effect.fnUntraced(function* (page: Page) {
    for (const { refused, through: to, touches } of apart(touchesOf(page))) {
      if (touches[0]?.isRemade === true) {
        // In memory it may be seen right before the rows are: whoever writes them does that without a pause.
        yield* Effect.yieldNow
        for (const { keys, rebuild } of touches) {
          if (rebuild === undefined) keys.forEach(touch)
          else touchAll()
        }
        through = to
        continue
      }
      let left = touches
      for (let last = left.at(-1); last !== undefined; last = left.at(-1)) {
        const reached = yield* reach(projection, last.position, through)
        for (const { keys, position } of left) if (position <= reached) keys.forEach(touch)
        left = left.filter(({ position }) => position > reached)
        through = reached
      }
      if (refused !== undefined) {
        // Which rows it touches nobody here knows; whoever follows behind it does not need to.
        while (through < refused.position) through = yield* reach(projection, refused.position, through)
        return yield* refused.error
      }
      through = to
    }
  })
  const touchesOf = toucher(projection, undefined)

  const once = Effect.gen(function* () {
    through = yield* standsAt(projection)
    follows = true
    return yield* Stream.runForEach(events.subscribe(remade.and(projection.filter), { after: through }), take)
  }).pipe(
    Effect.catch((error) =>
      Effect.logWarning(`The rows of "${projection.name}" are not kept for now: ${error.message}`)
    ),
    Effect.ensuring(
      Effect.sync(() => {
        follows = false
        touchAll()
      })
    )
  )

  return {
    follow: Effect.forever(Effect.andThen(once, Effect.sleep(pause))),
    get: <A, E, R>(key: string, read: Effect.Effect<A, E, R>) =>
      Effect.flatMap(events.joinsTransaction, (isJoined) => {
        if (isJoined) return read
        return Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const kept = follows && through >= promised(checkpoints, checkpoint) ? rows.get(key, now) : undefined
          return kept === undefined
            ? Effect.andThen(Metric.update(miss, 1), readAnew(key, read))
            : // It was kept under this key of this projection, and is what reading it gave.
              Effect.as(Metric.update(hit, 1), kept.row as A)
        })
      })
  }
}

/**
 * Keeps rows that `ReadModel.get` has read, in the memory of this process: asked for again, they cost nothing.
 *
 * A row is kept until the read model has come past an event that touches it, wherever its processor runs. Until this process
 * has noticed, which takes it a moment, `get` gives the row as it was; but never one that is older than what `waitFor` has
 * promised in this process, by itself or as an option of `Aggregate.execute`. Rebuilds and rows that were parked are noticed
 * in the same way. Where the log cannot be followed for a while nothing is kept, and `get` asks the store.
 *
 * Kept are the rows of the projections that are named, as these very values; and keys that have no row. Rows are frozen.
 * Name no projection that is kept in the append's own transaction (`Postgres.layerInline`): there a command promises what it
 * wrote without anybody waiting. `list` always asks the store.
 *
 * ```ts
 * import * as Layer from "effect/Layer"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as Memory from "evolvent/Memory"
 * import * as Processor from "evolvent/Processor"
 * import * as Projection from "evolvent/Projection"
 * import * as ReadModel from "evolvent/ReadModel"
 *
 * const Task = Aggregate.make("Task", {
 *   command: Schema.TaggedUnion({ Add: { title: Schema.String } }),
 *   event: Schema.TaggedUnion({ Added: { title: Schema.String } }),
 *   state: Schema.Null,
 *   initial: null
 * })({
 *   decide: { Add: ({ title }) => [{ _tag: "Added", title }] },
 *   evolve: { Added: () => null }
 * })
 * const Tasks = Projection.make("tasks", { from: [Task], row: Schema.Struct({ title: Schema.String }) })({
 *   create: { Added: ({ title }) => ({ title }) },
 *   evolve: {}
 * })
 *
 * const Live = Layer.mergeAll(
 *   Processor.layer(Processor.projection(Tasks)),
 *   ReadModel.layerCached({ of: [Tasks], capacity: 5000 })
 * ).pipe(Layer.provideMerge(Memory.layer))
 * ```
 */
export const layerCached = (
  options: RowCacheOptions
): Layer.Layer<never, never, CheckpointStore | EventStore | ReadModelStore> => {
  const bounds = boundsOf(options)
  const cache: Effect.Effect<Cache, never, CheckpointStore | EventStore | ReadModelStore | Scope.Scope> = Effect.gen(
    function* () {
      const [store, events, checkpoints] = yield* Effect.all([ReadModelStore, EventStore, CheckpointStore])
      const of = new Map(options.of.map((one) => [one as object, make(one, bounds, events, checkpoints)]))
      for (const rows of of.values()) yield* Effect.forkScoped(rows.follow)
      return { store, checkpoints, of }
    }
  )
  return Layer.effect(Current, cache)
}

/** Reads a row, or gives the one that is kept. */
export const cached = <Name extends string, Row, Index extends string, A, E, R>(
  store: ReadModelStore["Service"],
  projection: Projection<Name, Row, Index>,
  key: string,
  read: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const cache = fiber.getRef(Current)
    // Of another checkpoint store, or of one that is wrapped, nobody here knows what it has promised.
    const checkpoints = Context.getOrUndefined(fiber.context, CheckpointStore) ?? cache?.checkpoints
    const isSame = cache?.store === store && cache.checkpoints === checkpoints
    const rows = isSame ? cache.of.get(projection) : undefined
    return rows === undefined ? read : rows.get(key, read)
  })
