// groupCommit: gathers the appends of this process into one statement and one commit, each with an outcome of its own.
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import { SqlError as SqlErrorOf, ConnectionError } from "effect/sql/SqlError"
import type { EncodedAppend, Outcome } from "evolvent/EventStore"
import type { Answer, Statements } from "./appendStatements.ts"
import { isConnection, mayBeStored } from "./appendFailures.ts"
import { explain, sqlState } from "./sqlErrors.ts"

/** How far gathering goes. */
export interface Limits {
  /** Groups under way at the same time. */
  readonly lanes: number
  /** Appends of a group, and their events and characters. */
  readonly members: number
  readonly events: number
  readonly characters: number
  /** Appends that may wait for their stream on connections of their own. */
  readonly waiters: number
  /** Appends that may wait here; one more is refused. */
  readonly capacity: number
  /** How often an append is tried again after a failure that may pass. */
  readonly attempts: number
}

/** Two lanes keep one group on the wire while the other is committed; larger groups only wait longer. */
export const defaultLimits: Limits = {
  lanes: 2,
  members: 64,
  events: 512,
  characters: 4_000_000,
  waiters: 3,
  capacity: 10_000,
  attempts: 6
}

interface Member {
  readonly append: EncodedAppend
  readonly characters: number
  readonly done: (exit: Exit.Exit<Outcome, SqlError>) => void
  /** It goes by itself from now on: a group that it was in failed, perhaps because of it. */
  solo: boolean
  attempts: number
  /** An attempt that failed here may have been stored there. */
  doubtful: boolean
  /** The fiber that carries it alone; it ends when the caller is interrupted. */
  fiber: Fiber.Fiber<unknown> | undefined
  isGone: boolean
}

const size = ({ events }: EncodedAppend): number => {
  let total = 0
  for (const { data, metadata } of events) total += data.length + metadata.length
  return total
}

const closed = "the event store was closed before it was known that the append is stored"

const refused = (problem: string): SqlError =>
  new SqlErrorOf({ reason: new ConnectionError({ cause: new Error(problem), message: problem, operation: "append" }) })

/**
 * An append that is gathered with those of other fibers.
 *
 * Alone it goes at once: a lane that is free takes what is there at the end of the turn. A group never waits for a stream
 * that someone else holds: that member waits by itself, on a connection of its own. The members of a group that failed are
 * tried again one by one, with the same ids. Interrupting a caller cancels nobody else.
 */
export const make = Effect.fnUntraced(function* (
  statements: Statements,
  limits: Limits
): Effect.fn.Return<(append: EncodedAppend) => Effect.Effect<Outcome, SqlError>, never, Scope.Scope> {
  const fork = yield* FiberSet.makeRuntime()
  let waiting: Array<Member> = []
  /** Streams of a group under way, or of a member that waits alone: what follows in them must not overtake. */
  const busy = new Map<string, number>()
  let freeLanes = limits.lanes
  let waiters = limits.waiters
  let isScheduled = false
  let isClosed = false

  const hold = (stream: string): void => void busy.set(stream, (busy.get(stream) ?? 0) + 1)
  const release = (stream: string): void => {
    const left = (busy.get(stream) ?? 1) - 1
    if (left === 0) busy.delete(stream)
    else busy.set(stream, left)
  }

  /** The next group, in order of arrival; what cannot go yet keeps its place. */
  const take = (): Array<Member> => {
    const group: Array<Member> = []
    const left: Array<Member> = []
    const ids = new Set<string>()
    let events = 0
    let characters = 0
    let i = 0
    for (; i < waiting.length && group.length < limits.members; i++) {
      const member = waiting[i] as Member
      if (member.isGone) continue
      const { events: own, stream } = member.append
      const first = own[0]?.id ?? ""
      const fits = events + own.length <= limits.events && characters + member.characters <= limits.characters
      if (group.length > 0 && (!fits || member.solo)) break
      if (busy.has(stream) || ids.has(first)) {
        left.push(member)
        continue
      }
      if (first !== "") ids.add(first)
      events += own.length
      characters += member.characters
      group.push(member)
      if (member.solo) {
        i++
        break
      }
    }
    waiting = left.length === 0 ? waiting.slice(i) : [...left, ...waiting.slice(i)]
    return group
  }

  const schedule = (): void => {
    if (isScheduled || freeLanes === 0 || waiting.length === 0) return
    isScheduled = true
    queueMicrotask(dispatch)
  }

  const dispatch = (): void => {
    isScheduled = false
    while (freeLanes > 0 && !isClosed) {
      const group = take()
      if (group.length === 0) return
      freeLanes -= 1
      // Adjacent appends of one stream are what the function for groups expects; a stable sort keeps their order.
      if (group.length > 1)
        group.sort((a, b) => (a.append.stream < b.append.stream ? -1 : a.append.stream > b.append.stream ? 1 : 0))
      for (const { append } of group) hold(append.stream)
      fork(run(group))
    }
  }

  const run = (group: ReadonlyArray<Member>): Effect.Effect<void> =>
    Effect.onExit(answersOf(group), (exit) =>
      Effect.sync(() => {
        freeLanes += 1
        for (const { append } of group) release(append.stream)
        for (let i = 0; i < group.length; i++)
          settleOne(
            group[i] as Member,
            Exit.map(exit, (answers) => answers[i])
          )
        schedule()
      })
    ).pipe(Effect.ignore)

  const answersOf = (group: ReadonlyArray<Member>): Effect.Effect<ReadonlyArray<Answer>, SqlError> => {
    const [first] = group
    if (first === undefined || group.length > 1) return statements.group(group.map(({ append }) => append))
    const { append, solo } = first
    const alone = append.events.length === 1 && !solo ? statements.event(append) : statements.one(append, false)
    return Effect.map(alone, (answer) => [answer])
  }

  /** What becomes of a member after an attempt: its outcome, or another attempt. */
  const settleOne = (member: Member, exit: Exit.Exit<Answer | undefined, SqlError>): void => {
    if (member.isGone) return
    if (Exit.isSuccess(exit)) {
      const answer = exit.value
      if (answer?._tag === "Busy") waitAlone(member)
      else if (answer?._tag === "LookCloser") look(member)
      else if (answer !== undefined) member.done(Exit.succeed(answer))
      return
    }
    const failed = Cause.findError(exit.cause)
    if (isClosed || Result.isFailure(failed)) return member.done(Exit.fail(refused(closed)))
    const error = failed.success
    member.doubtful ||= mayBeStored(error)
    if (isConnection(error)) return tryAgain(member, error)
    if (!member.solo) {
      // One of the group is to blame, and nobody knows which: each goes by itself now.
      member.solo = true
      waiting.unshift(member)
    } else if (sqlState(error) === "55P03") waitAlone(member)
    else tryAgain(member, error)
  }

  const tryAgain = (member: Member, error: SqlError): void => {
    if (!explain(error).isRetryable || member.attempts >= limits.attempts) return member.done(Exit.fail(error))
    member.attempts += 1
    later(member, 25 * 2 ** member.attempts * (0.5 + Math.random()))
  }

  /** Puts a member back into the queue after a while; nothing is held meanwhile. */
  const later = (member: Member, millis: number): void => {
    carry(member, Effect.sleep(millis), () => {
      waiting.push(member)
      schedule()
    })
  }

  /** Runs what concerns one member only, in a fiber that ends when its caller is interrupted. */
  const carry = <A>(
    member: Member,
    effect: Effect.Effect<A, SqlError>,
    then: (exit: Exit.Exit<A, SqlError>) => void
  ) => {
    member.fiber = fork(
      Effect.onExit(effect, (exit) =>
        Effect.sync(() => {
          member.fiber = undefined
          if (isClosed) member.done(Exit.fail(refused(closed)))
          else then(exit)
        })
      ).pipe(Effect.ignore)
    )
  }

  // Its stream is held by someone else: it waits for it on a connection of its own. Where no waiter is free the next
  // group tries its stream again, without waiting.
  const waitAlone = (member: Member): void => {
    if (waiters === 0) return later(member, 1 + Math.random() * 49)
    const { append } = member
    waiters -= 1
    hold(append.stream)
    carry(member, statements.one(append, true), (exit) => {
      waiters += 1
      release(append.stream)
      member.solo = true
      settleOne(member, exit)
      schedule()
    })
  }

  // An id of it is stored: as a repeat, or misused. Who was storing it a moment ago may also have rolled back.
  const look = (member: Member): void => {
    carry(member, statements.look([member.append]), (exit) => {
      if (Exit.isFailure(exit)) return settleOne(member, Exit.failCause(exit.cause))
      if (Result.isFailure(exit.value)) return member.done(Exit.succeed(exit.value.failure))
      const [first] = exit.value.success
      if (first === undefined) return later(member, 1)
      member.done(Exit.succeed({ _tag: "Appended", results: [{ ...first, repeated: !member.doubtful }] }))
    })
  }

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
      for (const member of waiting) member.done(Exit.fail(refused(closed)))
      waiting = []
    })
  )

  return (append) =>
    Effect.callback((resume) => {
      if (isClosed || waiting.length >= limits.capacity) {
        const problem = isClosed
          ? "the event store is closed"
          : `${limits.capacity} appends are waiting already, so this one was not taken`
        return resume(Effect.fail(refused(problem)))
      }
      const member: Member = {
        append,
        characters: size(append),
        done: resume,
        solo: false,
        attempts: 0,
        doubtful: false,
        fiber: undefined,
        isGone: false
      }
      waiting.push(member)
      schedule()
      return Effect.suspend(() => {
        member.isGone = true
        return member.fiber === undefined ? Effect.void : Fiber.interrupt(member.fiber)
      })
    })
})
