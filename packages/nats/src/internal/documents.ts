// documents: JSON documents of a bucket, read at its leader, changed one by one or several together, all or none.
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import type { NatsClient } from "../NatsClient.ts"
import { RequestFailed } from "../NatsError.ts"
import * as buckets from "./bucket.ts"
import { encode, newId, written } from "./document.ts"
import type { Failure, JetStream, StreamConfig } from "./jetstream.ts"
import * as lanes from "./lanes.ts"
import type { Job, Known, Lane } from "./lanes.ts"
import { commitAll } from "./commitAll.ts"
import * as settling from "./settling.ts"

/**
 * What a document becomes, undefined being one that nobody has written; the value that was given for no change, and a
 * failure to leave all as it is. It is called again where somebody else was faster.
 */
export type Change<E> = (value: Json | undefined) => Result.Result<Json | undefined, E>

export interface Documents {
  readonly client: NatsClient["Service"]
  /** The stream of the bucket, and what the subjects of its keys begin with. */
  readonly stream: string
  readonly prefix: string
  readonly read: (
    key: string
  ) => Effect.Effect<{ readonly value: Json | undefined; readonly revision: number }, Failure>
  /** The keys of all documents that begin with this. */
  readonly keys: (beginning: string) => Effect.Effect<ReadonlyArray<string>, Failure>
  /** Changes documents, all of them or none. */
  readonly change: <E>(changes: ReadonlyMap<string, Change<E>>) => Effect.Effect<void, E | Failure>
  /** What this process knows of a document without asking, if it knows it: it may be out of date. */
  readonly known: (key: string) => { readonly value: Json | undefined } | undefined
}

interface Waiting extends Job {
  readonly end: (exit: Exit.Exit<void, Failure>) => void
}

// Who loses races for so long tells its caller; each of them was won by somebody.
const patience = 15_000

/** The documents of a bucket. */
export const make = (jetstream: JetStream, config: StreamConfig): Documents => {
  const bucket = buckets.make(jetstream, config)
  const { look, settled } = settling.make(bucket)
  const all = lanes.make<Waiting>()

  /** Makes changes by one write; each of them sees what those before it made. */
  const write = Effect.fnUntraced(function* (lane: Lane<Waiting>, jobs: ReadonlyArray<Waiting>) {
    const until = performance.now() + patience
    let isFresh = false
    for (let attempt = 0; ; attempt++) {
      const known: Known | undefined = isFresh ? undefined : all.known(lane.key)
      const base = known ?? (yield* settled(lane.key))
      if (known === undefined) lanes.learn(lane, base)
      let value = base.value
      for (const { run } of jobs) value = run(value)
      if (value === base.value) {
        // Nobody is refused by what may be out of date.
        if (known === undefined) return
        isFresh = true
        continue
      }
      const id = newId()
      const by = written(id, base.by)
      let isLast = true
      const revision = yield* bucket.set(
        lane.key,
        encode({ value, by, pending: undefined }),
        base.revision,
        (entry) => {
          const place = settling.storedOf(entry)?.by.indexOf(id) ?? -1
          isLast = place === 0
          return place >= 0
        }
      )
      if (revision !== undefined) {
        // Somebody wrote after it: what stands there now is not known.
        if (isLast) lanes.learn(lane, { value, revision, by })
        else lane.known = undefined
        return
      }
      lane.known = undefined
      isFresh = true
      if (performance.now() > until) return yield* busy(lane.key)
      yield* backOff(attempt)
    }
  })

  /** Takes what waits on a lane and makes it; what comes meanwhile goes together the next time. */
  const drain = (key: string) =>
    all.inTurn(key, (lane) => {
      const jobs = lane.waiting.splice(0)
      if (jobs.length === 0) return Effect.void
      return Effect.map(Effect.exit(write(lane, jobs)), (exit) => {
        if (Exit.isFailure(exit)) lane.known = undefined
        for (const { end } of jobs) end(exit)
      })
    })

  // Detached: the write of one carries those of others, and one that is under way must be followed to its end.
  const changeOne = <E>(key: string, change: Change<E>): Effect.Effect<void, E | Failure> =>
    Effect.uninterruptibleMask((restore) => {
      const ended = Deferred.makeUnsafe<void, E | Failure>()
      let refusal: Result.Result<unknown, E> | undefined
      const job: Waiting = {
        run: (value) => {
          const result = change(value)
          refusal = Result.isFailure(result) ? result : undefined
          return Result.isFailure(result) ? value : result.success
        },
        end: (exit) =>
          Deferred.doneUnsafe(
            ended,
            Exit.isSuccess(exit) && refusal !== undefined && Result.isFailure(refusal)
              ? Effect.fail(refusal.failure)
              : exit
          )
      }
      const lane = all.lane(key)
      // Whoever was the first to wait has somebody coming for all: as many as there are changes would stand in line for ever.
      const isFirst = lane.waiting.push(job) === 1
      return Effect.andThen(
        isFirst ? Effect.forkDetach(Effect.interruptible(drain(key)), { startImmediately: true }) : Effect.void,
        Effect.onInterrupt(restore(Deferred.await(ended)), () =>
          Effect.sync(() => {
            const at = lane.waiting.indexOf(job)
            if (at >= 0) lane.waiting.splice(at, 1)
          })
        )
      )
    })

  const changeAll = <E>(changes: ReadonlyMap<string, Change<E>>): Effect.Effect<void, E | Failure> =>
    all.inTurns([...changes.keys()].sort(), (held) =>
      Effect.gen(function* () {
        const until = performance.now() + patience
        for (let attempt = 0; ; attempt++) {
          const bases = yield* Effect.forEach(held, ({ key }) => settled(key), { concurrency: "unbounded" })
          const made: Array<Json | undefined> = []
          for (const [i, { key }] of held.entries()) {
            const value = bases[i]?.value
            const result = changes.get(key)?.(value) ?? Result.succeed(value)
            if (Result.isFailure(result)) return yield* Effect.fail(result.failure)
            made.push(result.success)
          }
          if (made.every((value, i) => value === bases[i]?.value)) return
          for (const lane of held) lane.known = undefined
          const parts = held.flatMap(({ key }, i) => {
            const base = bases[i]
            return base === undefined ? [] : [{ key, base, value: made[i] }]
          })
          const committed = yield* commitAll(jetstream, bucket, parts)
          if (committed !== undefined) {
            for (const [i, known] of committed.entries()) {
              const lane = held[i]
              if (lane !== undefined && known !== undefined) lanes.learn(lane, known)
            }
            return
          }
          const [first] = held
          if (first !== undefined && performance.now() > until) return yield* busy(first.key)
          yield* backOff(attempt)
        }
      })
    )

  const busy = (key: string) =>
    Effect.fail(
      new RequestFailed({
        subject: bucket.prefix + key,
        why: "TimedOut",
        problem: `others changed this document again and again, for ${patience / 1000} seconds`
      })
    )

  return {
    client: jetstream.client,
    stream: bucket.stream,
    prefix: bucket.prefix,
    keys: (beginning) =>
      Effect.map(jetstream.subjects(bucket.stream, `${bucket.prefix}${beginning}>`), (subjects) =>
        subjects.map((subject) => subject.slice(bucket.prefix.length))
      ),
    read: (key) =>
      Effect.map(look(key), (found) => {
        if (found.undecided === undefined) all.saw(key, found)
        return found
      }),
    change: (changes) => {
      const [only] = changes
      if (only === undefined) return Effect.void
      if (changes.size === 1) return changeOne(only[0], only[1])
      // Also detached: it is done or undone at once, and not when others have lost patience with it.
      return Effect.flatMap(Effect.forkDetach(Effect.interruptible(changeAll(changes))), Fiber.join)
    },
    known: all.known
  }
}

/** Waits a moment, longer from time to time, and not as long as others do. */
const backOff = (attempt: number): Effect.Effect<void> =>
  attempt === 0 ? Effect.void : Effect.sleep(Math.random() * Math.min(100, 2 ** attempt))
