// readModelCopy: the rows of one table in memory, kept as the bucket has them by a feed; lists are made of it.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { EncodedRow } from "evolvent/ReadModelStore"
import { RequestFailed } from "../NatsError.ts"
import * as feed from "./feed.ts"
import type { Failure, JetStream } from "./jetstream.ts"
import * as names from "./names.ts"
import * as row from "./readModelRow.ts"

/** Why a copy has nothing to say. */
export type Problem =
  | { readonly _tag: "TooLarge" }
  | { readonly _tag: "Undecodable"; readonly key: string; readonly problem: string }

export interface Copy {
  /**
   * Looks at the rows, as soon as each of them is as new as it was when a message was the last of its table. The rows
   * change behind whoever keeps them.
   */
  readonly look: <A>(
    sequence: number,
    use: (rows: Iterable<EncodedRow>) => A
  ) => Effect.Effect<Result.Result<A, Problem>, Failure>
  /** Whether nobody would have to wait for that. */
  readonly isAt: (sequence: number) => boolean
}

/** What a table's copy is made of. */
export interface Source {
  readonly stream: string
  /** What the subjects of the rows begin with, with the dot. */
  readonly prefix: string
  /** The subject that says that all rows before it are gone. */
  readonly cleared: string
  readonly maxRows: number
}

const page = 1000

/** How long to wait for a copy that comes no further. */
const patience = 12_000

/**
 * How often the end of a table is followed that is written to all the time. A row is older than it should be only if others
 * overwrote it between any two of these, each within a moment and each time before the server had sent what stood there.
 */
const enough = 8

/** How long a table that was too large is believed to be so. */
const largeFor = 10_000

/** Begins a copy, kept up to date until the scope closes. */
export const open = (
  jetstream: JetStream,
  { cleared, maxRows, prefix, stream }: Source
): Effect.Effect<Copy, never, Scope.Scope> =>
  Effect.gen(function* () {
    let rows = new Map<string, EncodedRow>()
    let unreadable = new Map<string, Problem>()
    // The last message that was taken. Of those before it some may have been overwritten by others that are yet to come, as
    // the bucket keeps one of each row: the rows are not yet what they were when it was the last one of the table.
    let reached = 0
    // A message behind which the leader knew of none once it had been taken: the rows are as new as that, or newer. What the
    // server counts as pending says nothing of it: while rows are overwritten 2.9 and 2.10 count too few and too many.
    let exact = 0
    let beginnings = 0
    let largeSince: number | undefined
    let lastFailure: Failure | undefined
    const waiting = new Set<() => void>()

    const tell = (): void => {
      const all = [...waiting]
      waiting.clear()
      for (const wake of all) wake()
    }

    const news: Effect.Effect<void> = Effect.callback((resume) => {
      const wake = () => resume(Effect.void)
      waiting.add(wake)
      return Effect.sync(() => waiting.delete(wake))
    })

    const clear = (): void => {
      rows = new Map()
      unreadable = new Map()
      reached = 0
      exact = 0
    }
    const begin = (): void => {
      beginnings += 1
      clear()
    }

    const take = (message: feed.Message): void => {
      if (message.subject === cleared) clear()
      reached = message.sequence
      if (message.subject === cleared) return
      const token = message.subject.slice(prefix.length)
      const key = names.text(token)
      rows.delete(token)
      unreadable.delete(token)
      const found = row.decode(key, message)
      if (Result.isFailure(found)) unreadable.set(token, { _tag: "Undecodable", key, problem: found.failure })
      else if (found.success?.row !== undefined) rows.set(token, found.success)
    }

    /** Follows the table until anything breaks, or there are too many rows. */
    const follow = Effect.scoped(
      Effect.gen(function* () {
        // From the beginning each time: what a server lost, and numbers again, must not stay here.
        begin()
        const messages = yield* feed.open(jetstream, stream, `${prefix}>`, "lastOfEachSubject")
        while (true) {
          const { messages: taken } = yield* messages.next(page, true)
          for (const message of taken) take(message)
          lastFailure = undefined
          if (rows.size > maxRows) return
          if (taken.length > 0) tell()
        }
      })
    )

    // Nobody needs it until somebody asks, and that not too soon.
    const wait = Effect.gen(function* () {
      begin()
      largeSince = performance.now()
      tell()
      yield* Effect.repeat(Effect.timeoutOption(news, 1000), { until: () => largeSince === undefined })
    })

    // A server that comes back may have lost its last messages, and draw their numbers again.
    let lost: (() => void) | undefined
    yield* jetstream.client.onReconnect(() => {
      begin()
      lost?.()
    })
    const reconnected: Effect.Effect<void> = Effect.callback((resume) => {
      lost = () => resume(Effect.void)
    })

    const once = Effect.catch(
      Effect.raceFirst(Effect.andThen(follow, wait), reconnected),
      (failure: Failure): Effect.Effect<void> => {
        lastFailure = failure
        return Effect.sleep(failure.isRetryable ? 50 + Math.random() * 50 : 1000)
      }
    )
    yield* Effect.forkScoped(Effect.forever(once))

    const late = (sequence: number): Failure =>
      lastFailure ??
      new RequestFailed({
        subject: `${prefix}>`,
        why: "TimedOut",
        problem: `the copy that lists are made of is at message ${reached} and comes no nearer to message ${sequence}`
      })

    return {
      isAt: (sequence) => exact >= sequence && largeSince === undefined,
      look: Effect.fnUntraced(function* <A>(sequence: number, use: (rows: Iterable<EncodedRow>) => A) {
        let [target, rounds, beginning] = [sequence, 0, beginnings]
        let [nearest, since] = [reached, performance.now()]
        while (true) {
          if (largeSince !== undefined && performance.now() - largeSince > largeFor) {
            largeSince = undefined
            tell()
          }
          if (largeSince !== undefined) return Result.fail<Problem>({ _tag: "TooLarge" })
          if (beginning !== beginnings) [target, rounds, beginning] = [sequence, 0, beginnings]
          if (exact >= sequence || rounds === enough) {
            const [problem] = unreadable.values()
            return problem === undefined ? Result.succeed(use(rows.values())) : Result.fail(problem)
          }
          if (reached >= target) {
            const at = reached
            const last = yield* jetstream.last(stream, `${prefix}>`)
            if (last === undefined) return Result.succeed(use([]))
            if (beginning !== beginnings) continue
            if (last.sequence <= at) exact = Math.max(exact, at)
            else [target, rounds] = [last.sequence, rounds + 1]
            continue
          }
          if (lastFailure?.isRetryable === false) return yield* Effect.fail(lastFailure)
          if (reached !== nearest) [nearest, since] = [reached, performance.now()]
          if (performance.now() - since > patience) return yield* Effect.fail(late(target))
          yield* Effect.timeoutOption(news, 1000)
        }
      })
    }
  })
