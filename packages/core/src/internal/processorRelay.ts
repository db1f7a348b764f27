// A relay as a processor: publishes committed events to the bus in their order, a page with one call.
import * as Effect from "effect/Effect"
import type * as Aggregate from "../Aggregate.ts"
import { Bus, fromRecorded } from "../Bus.ts"
import type { Message } from "../Bus.ts"
import type { BusError } from "../BusError.ts"
import type { CheckpointStore } from "../CheckpointStore.ts"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import type { EventStore } from "../EventStore.ts"
import { because } from "../EventStoreError.ts"
import type { HandleError, Processor, Step } from "../Processor.ts"
import * as Tombstone from "../Tombstone.ts"
import { attempt } from "./handlerAttempt.ts"
import type { Sources } from "./handling.ts"
import { EventFailed } from "./processorErrors.ts"
import { describe } from "./thrown.ts"

/** What a relay publishes. */
export interface Relaying<From extends Sources> {
  /** The aggregates whose events others are to know. */
  readonly from: From
  /** Only events of these types; all unless given, those of later versions among them. */
  readonly only?: ReadonlyArray<Aggregate.EventOf<From[number]>["_tag"]>
  /** Which messages keep their order among each other: those of one stream unless given. It is asked about the event as stored. */
  readonly key?: (event: Recorded) => string
}

/**
 * Publishes the events of some aggregates to the bus: what is committed, all of it, in order for each key.
 *
 * The log is the outbox: nothing is published that was not committed, and no writer waits for the bus. The message's id is
 * the event's, so what is published again after a crash changes nothing. Of one key no two publishes are under way at once.
 * A bus that cannot be reached makes it wait; an event that the bus refuses (`MessageIdReused`, `UnstorableContent`,
 * `AppendTooLarge`) stops it, or is parked with what follows of its key, as `RunOptions` say.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Schema from "effect/Schema"
 * import * as Aggregate from "evolvent/Aggregate"
 * import { Bus } from "evolvent/Bus"
 * import * as Memory from "evolvent/Memory"
 * import * as Processor from "evolvent/Processor"
 *
 * const Account = Aggregate.make("Account", {
 *   command: Schema.TaggedUnion({ Open: { owner: Schema.String } }),
 *   event: Schema.TaggedUnion({ Opened: { owner: Schema.String } }),
 *   state: Schema.Null,
 *   initial: null
 * })({
 *   decide: { Open: ({ owner }) => [{ _tag: "Opened", owner }] },
 *   evolve: { Opened: () => null }
 * })
 *
 * const AccountsToBus = Processor.relay("accounts-to-bus", { from: [Account] })
 *
 * const program = Effect.gen(function* () {
 *   const bus = yield* Bus
 *   const welcomed: Array<unknown> = []
 *   yield* bus
 *     .subscribe("welcome", { topics: [{ category: "Account", types: ["Opened"] }] }, ({ data, stream }) =>
 *       Effect.sync(() => welcomed.push([stream, data]))
 *     )
 *     .pipe(Effect.forkScoped)
 *   yield* Aggregate.execute(Account, "7", { _tag: "Open", owner: "Ada" })
 *   while (welcomed.length === 0) yield* Effect.sleep("5 millis")
 *   return welcomed
 * })
 * const Live = Processor.layer(AccountsToBus).pipe(Layer.provideMerge(Memory.layer))
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(Live))) // => [["Account-7", { owner: "Ada" }]]
 * ```
 */
export const relay = <const Name extends string, const From extends Sources>(
  name: Name,
  options: Relaying<From>
): Processor<Name, BusError, Bus | EventStore | CheckpointStore> => make(name, options.from, options.only, options.key)

const make = <Name extends string>(
  name: Name,
  from: ReadonlyArray<Aggregate.Any>,
  only: ReadonlyArray<string> | undefined,
  key: (event: Recorded) => string = ({ stream }) => stream
): Processor<Name, BusError, Bus> => {
  if (name === "") throw new TypeError("A relay needs a name: its checkpoint is kept under it.")
  const unknown = only?.find((type) => !from.some(({ eventTypes }) => eventTypes.includes(type)))
  if (unknown !== undefined) {
    throw new TypeError(`Relay "${name}" is to publish "${unknown}", but none of its aggregates has such an event.`)
  }
  return {
    name,
    checkpoint: `relay/${name}`,
    filter: EventFilter.categories(
      from.map((aggregate) => ({ category: aggregate.name, ...(only === undefined ? {} : { types: only }) }))
    ),
    takes: "pages",
    // That a stream was removed is the store's own affair. Nothing is decoded: what this process does not understand is a message like any other.
    prepare: (events) =>
      events.filter(({ type }) => !Tombstone.isReserved(type)).map((recorded) => stepOf(recorded, key)),
    // First the messages, then the checkpoint: a crash in between publishes them again, with the same ids.
    handle: (steps) => Effect.as(publish(steps), Effect.void)
  }
}

const stepOf = (recorded: Recorded, key: (event: Recorded) => string): Step => {
  try {
    return { recorded, events: [], key: key(recorded), problem: undefined }
  } catch (thrown) {
    return { recorded, events: [], key: recorded.stream, problem: `its key threw ${describe(thrown)}` }
  }
}

const messageOf = ({ key, recorded }: Step): Message => ({ ...fromRecorded(recorded), key })

const publish = (steps: ReadonlyArray<Step>): Effect.Effect<void, HandleError<BusError>, Bus> => {
  const [first] = steps
  if (first === undefined) return Effect.void
  return Effect.flatMap(Bus, (bus) =>
    attempt(first.recorded, () => bus.publish(steps.map(messageOf))).pipe(
      Effect.mapError((failed) => {
        const error = failed.failure?.error
        if (error === undefined) return failed
        // The bus's own trouble is no fault of an event: the runner waits and begins again from its checkpoint.
        if (error.reason._tag === "Unavailable") return because(error.operation, error.reason)
        const problem = `the bus refused it: ${error.reason.message}`
        return new EventFailed({ event: first.recorded, failure: { error }, problem })
      })
    )
  )
}
