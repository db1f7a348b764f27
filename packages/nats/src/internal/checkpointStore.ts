// The checkpoint store: all checkpoints below a name are one document, and each of their changes one compare-and-set.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import { Stopped } from "evolvent/CheckpointStore"
import type { Checkpoint, Driver, Lease, Member, Move } from "evolvent/CheckpointStore"
import { CheckpointStoreError } from "evolvent/CheckpointStoreError"
import type { CheckpointMoved, LeaseLost } from "evolvent/CheckpointStoreError"
import { InvalidRequest } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import * as checkpointDocument from "./checkpointDocument.ts"
import { documentOf, nameOf, placeOf, slotOf } from "./checkpointDocument.ts"
import type { CheckpointDocument, Slot } from "./checkpointDocument.ts"
import * as edits from "./checkpointEdits.ts"
import type { At, Edit } from "./checkpointEdits.ts"
import { newId } from "./document.ts"
import * as documents from "./documents.ts"
import type { Change, Documents } from "./documents.ts"
import { reasonOf } from "./failures.ts"
import type { JetStream } from "./jetstream.ts"
import type { Layout } from "./layout.ts"
import * as silence from "./silence.ts"
import * as Transaction from "./transaction.ts"
import { sequenceOf } from "./eventMessage.ts"
import * as witnesses from "./witness.ts"
import type { Witness } from "./witness.ts"

/** The document is not to be changed. */
interface Refused<E> {
  readonly _tag: "Refused"
  readonly error: E
}

/** The checkpoints of a store; the documents are those that its other services change together with them. */
export const make = (
  jetstream: JetStream,
  layout: Layout,
  all: Documents = documents.make(jetstream, layout.checkpoints),
  witness: Witness = witnesses.make()
): Driver => {
  const { listen } = silence.make()

  /** Where some names are; what no key could be is refused before anything is sent. */
  const locate = <A>(operation: string, ones: ReadonlyArray<A>, nameOf: (one: A) => string) =>
    Effect.forEach(ones, (one) => {
      const name = nameOf(one)
      const place = placeOf(name, all.prefix)
      return Result.isSuccess(place)
        ? Effect.succeed({ ...place.success, one })
        : Effect.fail(unnamable(operation, name, place.failure))
    })

  const look = (operation: string, key: string) =>
    Effect.flatMap(
      Effect.mapError(all.read(key), (failure) => failed(operation, reasonOf(failure))),
      ({ value }) => Effect.fromResult(Result.mapError(checkpointDocument.of(value), unreadable(operation, key)))
    )

  /** Reads the documents of some names, each of them once. */
  const lookAll = <A>(operation: string, places: ReadonlyArray<At<A>>) =>
    Effect.map(
      Effect.forEach(byKey(places), ([key]) => Effect.map(look(operation, key), (found) => [key, found] as const), {
        concurrency: "unbounded"
      }),
      (found) => new Map(found.map(([key, document]) => [key, { document, isSilent: listen(key, document) }]))
    )

  const changeOf =
    <E>(operation: string, key: string, edit: Edit<E>, made: (document: CheckpointDocument) => void) =>
    (value: Json | undefined): Result.Result<Json | undefined, Refused<E | CheckpointStoreError>> =>
      Result.flatMap(Result.mapError(checkpointDocument.of(value), unreadable(operation, key)), (document) =>
        Result.map(edit(document, listen(key, document)), (edited) => {
          made(edited)
          return edited === document ? value : edited
        })
      ).pipe(Result.mapError((error) => ({ _tag: "Refused", error })))

  /** Edits documents, all or none, along with what others have to change. */
  const change = <E>(
    operation: string,
    changed: ReadonlyMap<string, Edit<E>>,
    besides: ReadonlyMap<string, Change<never>> = new Map()
  ): Effect.Effect<void, E | CheckpointStoreError> => {
    const after = new Map<string, CheckpointDocument>()
    const changes = new Map<string, Change<Refused<E | CheckpointStoreError>>>(besides)
    for (const [key, edit] of changed) {
      changes.set(
        key,
        changeOf(operation, key, edit, (document) => void after.set(key, document))
      )
    }
    return all.change(changes).pipe(
      Effect.mapError((failure) => (failure._tag === "Refused" ? failure.error : failed(operation, reasonOf(failure)))),
      Effect.map(() => {
        // What was said by this process is as old as it is, and not as old as when it is looked at next.
        for (const [key, document] of after) listen(key, document)
      })
    )
  }

  const commit = (moves: ReadonlyArray<At<Move>>, id: string, transaction: Transaction.Transaction | undefined) => {
    const moving = new Map(
      byKey(moves).map(([key, ofKey]): [string, Edit<CheckpointMoved | LeaseLost>] => [
        key,
        edits.move(ofKey, id, (position) => witness.of(sequenceOf(position)))
      ])
    )
    const besides = new Map<string, Change<never>>()
    for (const [key, some] of transaction?.edits ?? []) {
      besides.set(key, (value) => Result.succeed(some.reduce((value, edit) => edit(value), value)))
    }
    return change("transact", moving, besides)
  }

  /** Whether moves can be made, before anything is written: refused is who is refused by what stands there now. */
  const admit = (moves: ReadonlyArray<At<Move>>) =>
    Effect.forEach(
      byKey(moves),
      ([key, ofKey]) => {
        const known = all.known(key)
        const guess = known === undefined ? undefined : Result.getOrUndefined(checkpointDocument.of(known.value))
        if (guess !== undefined && edits.refusal(guess, ofKey) === undefined) return Effect.void
        return Effect.flatMap(look("transact", key), (document) => {
          const refused = edits.refusal(document, ofKey)
          return refused === undefined ? Effect.void : Effect.fail(refused)
        })
      },
      { concurrency: "unbounded", discard: true }
    )

  return {
    capabilities: { transaction: false },
    load: (names) =>
      Effect.gen(function* () {
        const places = yield* locate("load", names, itself)
        const found = yield* lookAll("load", places)
        return places.map(({ field, key }): Checkpoint => {
          const document = found.get(key)?.document
          if (document === undefined) return unseen
          const slot = slotOf(document, field)
          if (slot.seen !== undefined) witness.saw(sequenceOf(slot.position), slot.seen)
          return checkpointOf(slot)
        })
      }),
    names: Effect.gen(function* () {
      const keys = yield* Effect.mapError(all.keys("at."), (failure) => failed("names", reasonOf(failure)))
      const found = yield* Effect.forEach(
        keys,
        (key) => Effect.map(look("names", key), ({ slots }) => Object.keys(slots).map((field) => nameOf(key) + field)),
        { concurrency: 16 }
      )
      return found.flat()
    }),
    commit: (moves, writes) =>
      Effect.flatMap(locate("transact", moves, named), (places) => {
        const id = newId()
        if (Object.is(writes, Effect.void)) return Effect.andThen(commit(places, id, undefined), writes)
        const transaction = Transaction.make(all)
        const close = Effect.sync(() => {
          transaction.open = false
        })
        return Effect.andThen(
          admit(places),
          writes.pipe(
            Effect.provideService(Transaction.Current, transaction),
            Effect.tap(() => Effect.andThen(close, commit(places, id, transaction))),
            Effect.ensuring(close)
          )
        )
      }),
    stop: (name, stopped, lease) =>
      Effect.flatMap(
        locate("stop", [stopped], () => name),
        (places) => change("stop", new Map(places.map((place) => [place.key, edits.stop(place, lease)])))
      ),
    acquire: (names, holder, duration) =>
      Effect.gen(function* () {
        const places = yield* locate("acquire", names, itself)
        const taken = yield* Effect.forEach(
          byKey(places),
          ([key, some]) => {
            let leases: ReadonlyArray<Lease> = []
            const took = (now: ReadonlyArray<Lease>) => {
              leases = now
            }
            const acquire = edits.acquire(some, holder, duration, took)
            return Effect.map(change("acquire", new Map([[key, acquire]])), () => leases)
          },
          { concurrency: "unbounded" }
        )
        return taken.flat()
      }),
    renew: (leases) =>
      Effect.flatMap(locate("renew", leases, named), (places) =>
        change("renew", new Map(byKey(places).map(([key, some]) => [key, edits.renew(some)])))
      ),
    release: (leases) =>
      Effect.flatMap(locate("release", leases, named), (places) =>
        Effect.forEach(byKey(places), ([key, some]) => change("release", new Map([[key, edits.release(some)]])), {
          concurrency: "unbounded",
          discard: true
        })
      ),
    holders: (names) =>
      Effect.gen(function* () {
        const places = yield* locate("holders", names, itself)
        const found = yield* lookAll("holders", places)
        return places.map(({ field, key }) => {
          const there = found.get(key)
          const lease = there === undefined ? undefined : slotOf(there.document, field).lease
          return lease === undefined || there?.isSilent(lease) === true ? undefined : lease.holder
        })
      }),
    attend: (name, member, duration) =>
      Effect.gen(function* () {
        const key = yield* keyOf("attend", name, all.prefix)
        let members: ReadonlyArray<Member> = []
        const saw = (now: ReadonlyArray<Member>) => {
          members = now
        }
        yield* change("attend", new Map([[key, edits.attend(member, duration, saw)]]))
        return members
      }),
    leave: (name, holder) =>
      Effect.flatMap(keyOf("leave", name, all.prefix), (key) => change("leave", new Map([[key, edits.leave(holder)]])))
  }
}

const unseen: Checkpoint = { position: Position.beginning, stopped: undefined }

const itself = (name: string): string => name
const named = ({ name }: { readonly name: string }): string => name

const byKey = <A>(places: ReadonlyArray<At<A>>): ReadonlyArray<readonly [key: string, some: ReadonlyArray<At<A>>]> => [
  ...Map.groupBy(places, ({ key }) => key)
]

const checkpointOf = ({ position, stopped }: Slot): Checkpoint => ({
  position: Position.make(position),
  stopped:
    stopped === undefined
      ? undefined
      : new Stopped({
          problem: stopped.problem,
          eventId: stopped.eventId,
          stream: stopped.stream,
          position: stopped.position
        })
})

const keyOf = (operation: string, name: string, prefix: string) => {
  const key = documentOf(name, prefix)
  return Result.isSuccess(key) ? Effect.succeed(key.success) : Effect.fail(unnamable(operation, name, key.failure))
}

const failed = (operation: string, reason: CheckpointStoreError["reason"]) =>
  new CheckpointStoreError({ operation: `CheckpointStore.${operation}`, reason })

const unnamable = (operation: string, name: string, problem: string) =>
  failed(
    operation,
    new InvalidRequest({ problem: `no checkpoint can have the name "${name.slice(0, 60)}": ${problem}` })
  )

const unreadable = (operation: string, key: string) => (problem: string) =>
  failed(operation, new InvalidRequest({ problem: `the key ${key} cannot be read: ${problem}` }))
