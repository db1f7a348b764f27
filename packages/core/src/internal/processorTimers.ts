// processorTimers: what a process manager is to do later, as rows by the time at which they are due, and the alarm for them.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type { Json } from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import type { EventStore } from "../EventStore.ts"
import type { Position } from "../Position.ts"
import type { HandleError } from "../Processor.ts"
import { ReadModelStore } from "../ReadModelStore.ts"
import type { EncodedRow, Query, ReadModelStoreError, Table } from "../ReadModelStore.ts"
import type { Revision } from "../Revision.ts"
import type { StreamName } from "../StreamName.ts"
import { slotOf } from "./slots.ts"

/** Something to do at a time, set by an own event of a process: a deadline, or a command that derives from the event. */
export interface Timer {
  readonly id: string
  /** The process. */
  readonly key: string
  /** In epoch milliseconds. */
  readonly due: number
  /** Where the event stands that set it, and which of the things that it dispatched this is. */
  readonly position: Position
  readonly revision: Revision
  readonly index: number
  readonly deadline?: Json | undefined
}

/** What a processor has to do at certain times, kept by itself; each is of one key. */
export interface Timers<out R> {
  /** Those of some slots that are due first, but for those of keys that wait. */
  readonly first: (
    slots: ReadonlyArray<number>,
    limit: number,
    waits: (key: string) => boolean
  ) => Effect.Effect<ReadonlyArray<Timer>, HandleError<never>, R>
  /** Fails with the event that set it, where that is at fault. */
  readonly fire: (timer: Timer) => Effect.Effect<void, HandleError<never>, R>
  readonly remove: (timer: Timer) => Effect.Effect<void, HandleError<never>, R>
}

/** The table of a manager's timers. */
export const tableOf = (name: string): Table => ({
  name: `$timers ${name}`,
  version: 1,
  indexes: [
    { field: "due", kind: "instant" },
    { field: "slot", kind: "number" }
  ]
})

const rowOf = ({ deadline, due, id, index, key, position, revision }: Timer): EncodedRow => ({
  key: id,
  position,
  row: JSON.stringify({ key, due, revision, index, ...(deadline === undefined ? {} : { deadline }) }),
  index: { due, slot: slotOf(key) }
})

type Kept = Omit<Timer, "id" | "position">

// Only this module writes these rows, in the shape above.
const timerOf = ({ key: id, position, row }: EncodedRow): ReadonlyArray<Timer> =>
  row === undefined ? [] : [{ ...(JSON.parse(row) as Kept), id, position }]

/** Sets timers; who sets one again changes nothing. */
export const set = (
  table: Table,
  timers: ReadonlyArray<Timer>
): Effect.Effect<void, ReadModelStoreError, ReadModelStore> =>
  timers.length === 0 ? Effect.void : ReadModelStore.use((store) => store.apply(table, timers.map(rowOf)))

/** The timers of a table, for the worker that has their slots. */
export const make = <R>(
  table: Table,
  fire: (timer: Timer) => Effect.Effect<void, HandleError<never>, R>
): Timers<R | ReadModelStore> => ({
  first: Effect.fnUntraced(function* (slots, limit, waits) {
    const store = yield* ReadModelStore
    const where = [{ field: "slot", op: "in", values: slots }] as const
    let after: Query["after"]
    // Past those of keys that wait, however many these are.
    while (true) {
      const rows = yield* store.list(table, { where, orderBy: "due", direction: "asc", limit, after })
      const found = rows.flatMap(timerOf).filter(({ key }) => !waits(key))
      const last = rows.at(-1)
      if (found.length > 0 || last === undefined || rows.length < limit) return found
      after = { value: last.index["due"], key: last.key }
    }
  }),
  fire,
  remove: ({ id, position }) =>
    ReadModelStore.use((store) => store.apply(table, [{ key: id, position, row: undefined, index: {} }]))
})

/** The event that stands at a revision. */
export const eventAt = (store: EventStore["Service"], stream: StreamName, revision: Revision) =>
  Effect.map(
    Stream.runHead(store.read(EventFilter.stream(stream), { from: { revision }, limit: 1 })),
    (found): Recorded | undefined => Option.getOrUndefined(found)
  )

/** Rings once at the time that it was set to last. */
export interface Alarm {
  readonly set: (at: number) => Effect.Effect<void>
  readonly run: Effect.Effect<never>
}

// A timer of the system holds no more than 24 days.
const longest = 24 * 60 * 60 * 1000

/** An alarm that is not set yet. */
export const alarm = (ring: Effect.Effect<unknown>): Effect.Effect<Alarm> =>
  Effect.map(Queue.sliding<number>(1), (times) => ({
    set: (at) => Effect.asVoid(Queue.offer(times, at)),
    run: Effect.gen(function* () {
      let at = yield* Queue.take(times)
      while (true) {
        const left = at - (yield* Clock.currentTimeMillis)
        const changed = yield* Effect.timeoutOption(Queue.take(times), Math.max(0, Math.min(Math.ceil(left), longest)))
        if (Option.isSome(changed)) at = changed.value
        else if (left <= longest) {
          yield* ring
          at = yield* Queue.take(times)
        }
      }
    })
  }))
