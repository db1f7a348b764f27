// Live queries: how the rows of a read model change. The log says which keys to look at, the read model what they are now.
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { CheckpointStore } from "../CheckpointStore.ts"
import type { CheckpointStoreError } from "../CheckpointStoreError.ts"
import { EventStore } from "../EventStore.ts"
import type { Page } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import * as Position from "../Position.ts"
import type { Projection } from "../Projection.ts"
import { ReadModelStore } from "../ReadModelStore.ts"
import type { EncodedRow, ReadModelStoreError } from "../ReadModelStore.ts"
import { status, waitFor } from "./processorStatus.ts"
import type { Change } from "./projectionFold.ts"
import { decode } from "./readModelRow.ts"
import * as reads from "./readModelReads.ts"
import type { Reads } from "./readModelReads.ts"
import * as remade from "./readModelRemade.ts"
import { apart, filterOf, toucher } from "./readModelTouches.ts"
import type { Touch, Touching, Work } from "./readModelTouches.ts"

type ChangesError = ReadModelStoreError | CheckpointStoreError | EventStoreError

type ChangesServices = EventStore | CheckpointStore | ReadModelStore

// A lost server comes back within seconds or minutes; a live query waits for it as long as it takes.
const reconnect = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("1 second")])

/** Repeats what failed for the moment. */
const patient = <A, E extends { readonly isRetryable: boolean }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, { while: (error) => error.isRetryable, schedule: reconnect })

// So many rows that are newer than what was read of the log are kept until the log has come to them. One that finds no
// room is read again there, so a lack of room costs a read and never a change.
const room = 1000

/**
 * How rows change, from now on: for screens and server-sent events.
 *
 * With a key the current row comes first and then each later one, so that a screen can be drawn from the stream alone.
 * Without a key only changes come, in the order of their positions: those after the read model's present position, or
 * after one that is given. A row is undefined where it is gone, or never was.
 *
 * Rows that change without an event of theirs, since they were rebuilt or what was parked is tried again, come at the position
 * where that was written down. Of all keys, those that a rebuild took away are told as long as the rows before it are there:
 * until `Processor.dropPrevious`, or until the next rebuild begins.
 *
 * What comes was read from the read model: `get` gives that version or a later one. Versions in between may be left out,
 * the last never is. Where the processor runs does not matter; while it lags behind, was stopped by an event or does not
 * run, and while a store does not answer, the stream waits. It fails with what does not pass by itself, and keeps a
 * bounded number of rows however slow its consumer is.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Schema from "effect/Schema"
 * import * as Stream from "effect/Stream"
 * import * as Aggregate from "evolvent/Aggregate"
 * import * as Memory from "evolvent/Memory"
 * import * as Processor from "evolvent/Processor"
 * import * as Projection from "evolvent/Projection"
 * import * as ReadModel from "evolvent/ReadModel"
 *
 * const Counter = Aggregate.make("Counter", {
 *   command: Schema.TaggedUnion({ Add: { by: Schema.Int } }),
 *   event: Schema.TaggedUnion({ Added: { by: Schema.Int } }),
 *   state: Schema.Int,
 *   initial: 0
 * })({
 *   decide: { Add: ({ by }) => [{ _tag: "Added", by }] },
 *   evolve: { Added: (total, { by }) => total + by }
 * })
 * const Totals = Projection.make("totals", {
 *   from: [Counter],
 *   row: Schema.Struct({ total: Schema.Int }),
 *   initial: { total: 0 }
 * })({
 *   evolve: { Added: ({ total }, { by }) => ({ total: total + by }) }
 * })
 *
 * const add = Aggregate.execute(Counter, "a", { _tag: "Add", by: 2 })
 * const shown = ReadModel.changes(Totals, "a").pipe(
 *   Stream.tap(({ row }) => (row === undefined ? add : Effect.void)),
 *   Stream.map(({ row }) => row?.total ?? "none"),
 *   Stream.take(2)
 * )
 * const Live = Processor.layer(Processor.projection(Totals)).pipe(Layer.provideMerge(Memory.layer))
 * await Effect.runPromise(Stream.runCollect(shown).pipe(Effect.provide(Live))) // => ["none", 2]
 * ```
 */
export const changes = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  of: string | { readonly after?: Position.Position | undefined } = {}
): Stream.Stream<Change<Row>, ChangesError, ChangesServices> =>
  Stream.unwrap(
    Effect.gen(function* () {
      if (typeof of !== "string") return follow(projection, undefined, of.after ?? (yield* standsAt(projection)))
      const at = yield* standsAt(projection)
      const [stored] = yield* patient(ReadModelStore.use((store) => store.get(projection.table, [of])))
      const first = yield* Effect.fromResult(changeOf(projection, of, stored, at))
      // The row holds whatever changed it up to its own position: only what comes after both is news.
      const after = Position.max(at, first.position)
      const isApart = filterOf(projection, of)._tag === "Stream"
      const read = isApart ? yield* reads.shared : reads.alone
      const rest = Stream.merge(
        follow(projection, of, after, read),
        isApart ? follow(projection, of, after, read, remade.filter) : Stream.empty
      ).pipe(Stream.filter(read.isNews))
      return Stream.concat(Stream.succeed(first), rest).pipe(
        Stream.changesWith((before, after) => before.row === undefined && after.row === undefined)
      )
    })
  )

/** How far a read model is, and not beyond what a reader of the log may pass. */
export const standsAt = (projection: Touching) =>
  Effect.map(patient(status(projection)), ({ head, position }) => (position < head ? position : head))

/** A stored row as a change; one that is not stored is gone, at the position that is given. */
const changeOf = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  key: string,
  stored: EncodedRow | undefined,
  at: Position.Position
): Result.Result<Change<Row>, ReadModelStoreError> =>
  stored?.row === undefined
    ? Result.succeed({ key, row: undefined, position: stored?.position ?? at })
    : Result.map(decode("ReadModel.changes", projection, key, stored.row), (row) => ({
        key,
        row,
        position: stored.position
      }))

/** The changes after a position, of all keys or of one; those that certain events tell of. */
const follow = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  key: string | undefined,
  after: Position.Position,
  read: Reads = reads.alone,
  filter = filterOf(projection, key)
) =>
  Stream.transformPull(Stream.unwrap(EventStore.useSync((store) => store.subscribe(filter, { after }))), (pull) =>
    Effect.map(ReadModelStore, (rows) => {
      const touchesOf = toucher(projection, key)
      const waiting: Array<Page> = []
      const held = new Map<string, Change<Row>>()
      const ahead: Array<Work> = []
      let work: Work | undefined
      let sweep: ReturnType<typeof remade.sweep<Name, Row, Index>> | undefined
      // Everything up to here was told, or is held.
      let told = after

      /** Tells what some events changed, once the read model has come past them; everything up to `to` is told then. */
      const tell = Effect.fnUntraced(function* (touches: ReadonlyArray<Touch>, to: Position.Position) {
        const touched = new Map<string, Position.Position>()
        const late = new Map<string, Position.Position>()
        for (const { isRemade, keys, position } of touches) {
          for (const one of keys) touched.set(one, position)
          if (isRemade === true) for (const one of keys) late.set(one, position)
        }
        const asked = [...touched.keys()].filter((one) => (held.get(one)?.position ?? told) < (touched.get(one) ?? to))
        const get = asked.length === 0 ? Effect.succeed([]) : patient(rows.get(projection.table, asked))
        const { found, mark } = yield* read.inTurn(get)
        const byKey = new Map(found.map((row) => [row.key, row]))
        const changes: Array<Change<Row>> = []
        for (const one of asked) {
          const stored = yield* Effect.fromResult(changeOf(projection, one, byKey.get(one), touched.get(one) ?? to))
          const remadeAt = late.get(one)
          // A row that was remade has the position of an earlier event: it came to be where that was written down.
          const isOlder = remadeAt !== undefined && stored.position < remadeAt
          const change = isOlder ? { ...stored, position: remadeAt } : stored
          // Where only such events are followed, the others are told by who follows these.
          if (filter === remade.filter && change.position !== remadeAt) continue
          mark(change)
          const before = held.get(one)
          held.delete(one)
          if (change.position <= to) {
            if (change.position > told) changes.push(change)
            continue
          }
          if (before !== undefined && before.position <= to) changes.push(before)
          if (held.size < room) held.set(one, change)
        }
        for (const [one, change] of held) {
          if (change.position > to) continue
          held.delete(one)
          changes.push(change)
        }
        told = to
        return changes.sort((a, b) => a.position - b.position)
      })

      /** The next step: a page, or as much of it as the read model has come past. */
      const step = Effect.gen(function* () {
        if (sweep !== undefined) {
          const changed = yield* patient(sweep)
          if (changed === undefined) sweep = undefined
          return changed ?? []
        }
        work ??= ahead.shift()
        if (work === undefined) {
          const page = waiting.shift()
          if (page === undefined) waiting.push(...(yield* pull))
          else ahead.push(...apart(touchesOf(page)))
          return []
        }
        const { refused, through, touches } = work
        const [first] = touches
        if (first?.isRemade === true) {
          // In memory it may be seen right before the rows are: whoever writes them does that without a pause.
          yield* Effect.yieldNow
          if (first.rebuild !== undefined) sweep = remade.sweep(rows, projection, first.rebuild, first.position)
          work = undefined
          return yield* tell(touches, through)
        }
        const last = touches.at(-1)?.position ?? refused?.position
        if (last === undefined) {
          work = undefined
          return yield* tell([], through)
        }
        const reached = yield* reach(projection, last, told)
        if (touches.length === 0 && refused !== undefined && reached >= refused.position) return yield* refused.error
        const isDone = reached >= last && refused === undefined
        work = isDone ? undefined : { ...work, touches: touches.filter(({ position }) => position > reached) }
        return yield* tell(
          touches.filter(({ position }) => position <= reached),
          isDone ? through : reached
        )
      })
      const next: Effect.Effect<
        Arr.NonEmptyReadonlyArray<Change<Row>>,
        Effect.Error<typeof step>,
        CheckpointStore | EventStore
      > = Effect.flatMap(step, (changes) => (Arr.isReadonlyArrayNonEmpty(changes) ? Effect.succeed(changes) : next))
      return next
    })
  )

/**
 * Waits until a read model has come to a position, or as far towards it as it comes within a second.
 *
 * A processor that stopped, or does not run, is waited for: it goes on where it was.
 */
export const reach = Effect.fnUntraced(function* (
  projection: Touching,
  target: Position.Position,
  passed: Position.Position
): Effect.fn.Return<Position.Position, CheckpointStoreError | EventStoreError, CheckpointStore | EventStore> {
  let pause = 50
  // What stopped on no event stopped because of its store or its definition: how far it had come says nothing then.
  const handled = Effect.map(status(projection), ({ position, stopped }) =>
    stopped !== undefined && stopped.position === undefined ? passed : position
  )
  const look = waitFor(projection, target, { timeout: "1 second" }).pipe(
    Effect.as(target),
    Effect.catchTags({
      WaitTimedOut: () => handled,
      // What is parked was passed: the row is what it was.
      EventParked: () => Effect.succeed(target),
      ProcessorStopped: () => {
        pause = Math.min(1000, pause * 2)
        return Effect.delay(handled, pause)
      }
    })
  )
  while (true) {
    const reached = yield* patient(look)
    if (reached > passed) return reached < target ? reached : target
  }
})
