// The inbox of a group: handles each message once, for ever, where what handling writes commits with the inbox's record.
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Message } from "../Bus.ts"
import { BusError } from "../BusError.ts"
import { CheckpointStore } from "../CheckpointStore.ts"
import { Unsupported } from "../EventStoreError.ts"
import * as Position from "../Position.ts"
import { ReadModelStore } from "../ReadModelStore.ts"
import { hexDigest } from "./sha256.ts"

/** What a handler writes: rows of read models and nothing else, or anything that the backend's transaction takes in. */
export type Writes = "anything" | "rows"

/**
 * A handler to which a message that is handled twice changes nothing, for ever: the group's inbox.
 *
 * It records the highest revision of each stream that was handled, in the transaction of what the handler writes, on the
 * stores of its surroundings: both are committed or neither is, whatever was killed, redelivered or retried. A message
 * whose revision is not above the record is passed over; holes are no matter. So the messages of one stream must come in
 * the order of their revisions, as one relay brings them; of a message made by hand, too, the revision must grow. What
 * has several keys in a stream is recorded for each key.
 *
 * It protects what commits with it: on PostgreSQL SQL of the application's own, appends, commands and read models. Where
 * the backend has no transaction for all of that (`CheckpointStore.capabilities.transaction`) it fails as `Unsupported`,
 * unless `writes: "rows"` says that only rows of the read model store are written. Effects elsewhere may be repeated: there
 * pass the message's id on as an idempotency key.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { SqlClient } from "effect/sql/SqlClient"
 * import * as Bus from "evolvent/Bus"
 *
 * const billing = Effect.gen(function* () {
 *   const bus = yield* Bus.Bus
 *   const sql = yield* SqlClient
 *   const handle = yield* Bus.inbox("billing", ({ stream }) => sql`INSERT INTO invoices (customer) VALUES (${stream})`)
 *   return yield* bus.subscribe("billing", { topics: [{ category: "Account", types: ["Opened"] }] }, handle)
 * })
 * ```
 */
export const inbox = Effect.fnUntraced(function* <E, R>(
  group: string,
  handle: (message: Message) => Effect.Effect<unknown, E, R>,
  options?: { readonly writes?: Writes }
): Effect.fn.Return<(message: Message) => Effect.Effect<void, E | BusError, R>, BusError, CheckpointStore> {
  const checkpoints = yield* CheckpointStore
  if (!checkpoints.capabilities.transaction) {
    const rows = yield* Effect.serviceOption(ReadModelStore)
    const isEnough = options?.writes === "rows" && rows._tag === "Some" && rows.value.capabilities.atomicBatch
    if (!isEnough) return yield* unsupported(group)
  }

  return (message) => {
    const name = recordOf(group, message)
    const once: Effect.Effect<void, E | BusError | TryAgain, R> = Effect.flatMap(
      Effect.mapError(checkpoints.load(name), asOwn),
      ({ position: from }) => {
        if (message.revision < from) return Effect.void
        // What the handler fails with is told from what the store fails with, which may be of the same kind.
        const handled = Effect.mapError(
          Effect.suspend(() => handle(message)),
          (error) => new Handler({ error })
        )
        return checkpoints.transact({ name, from, to: Position.make(message.revision + 1) }, handled).pipe(
          Effect.mapError((error) => (error instanceof Handler ? (error.error as E) : asOwn(error))),
          Effect.asVoid
        )
      }
    )
    // Somebody else was faster, or the store does not answer: neither is the message's fault.
    return Effect.retry(once, { while: (error) => error instanceof TryAgain, schedule: patience }).pipe(
      Effect.catchIf((error) => error instanceof TryAgain, Effect.die)
    )
  }
})

class Handler extends Data.TaggedError("Handler")<{ readonly error: unknown }> {}

class TryAgain extends Data.TaggedError("TryAgain")<{}> {}

type StoreError = Effect.Error<ReturnType<CheckpointStore["Service"]["advance"]>>

const asOwn = (error: StoreError): BusError | TryAgain =>
  error._tag !== "CheckpointStoreError" || error.isRetryable
    ? new TryAgain()
    : new BusError({ operation: "Bus.inbox", reason: error.reason })

const patience = Schedule.min([Schedule.exponential("20 millis"), Schedule.spaced("1 second")])

const unsupported = (group: string) =>
  Effect.fail(
    new BusError({
      operation: "Bus.inbox",
      reason: new Unsupported({
        feature:
          `an inbox for what the handler of group "${group}" writes, since it has no transaction for that and the ` +
          `inbox's record; with { writes: "rows" } it takes a handler that writes rows of read models only`
      })
    })
  )

/** The checkpoint that holds how far a stream was handled; of a name that no index would take, a digest. */
const recordOf = (group: string, { key, stream }: Message): string => {
  const parts = key === stream ? [group, stream] : [group, stream, key]
  const name = parts.every((part) => part.isWellFormed()) ? ["inbox", ...parts.map(encodeURIComponent)].join("/") : ""
  return name === "" || name.length > longest ? `inbox/${hexDigest(JSON.stringify(parts))}` : name
}

const longest = 500
