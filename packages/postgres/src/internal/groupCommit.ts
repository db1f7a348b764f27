// groupCommit: gathers the appends of this process into one statement and one commit, each with an outcome of its own.
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Result from "effect/Result"
import type { SqlError } from "effect/sql/SqlError"
import type * as Scope from "effect/Scope"
import type { EncodedAppend, Outcome } from "evolvent/EventStore"
import { appendGroupSize } from "evolvent/Metrics"
import type { Limits } from "./appendLimits.ts"
import { closed, refused } from "./appendRefusals.ts"
import * as appendQueue from "./appendQueue.ts"
import type { QuickAnswer, Statements } from "./appendStatements.ts"
import * as groupMember from "./groupMember.ts"
import type { Member } from "./groupMember.ts"
import { explain, isConnection, mayBeStored, sqlState } from "./sqlErrors.ts"

export type { Limits }

/**
 * An append that is gathered with those of other fibers.
 *
 * Alone it goes at once: a lane that is free takes what is there at the end of the turn, or the first, where the last one
 * came alone. A group never waits for a stream
 * that someone else holds: that member waits by itself, on a connection of its own. The members of a group that failed are
 * tried again one by one, with the same ids. Interrupting a caller cancels nobody else.
 */
export const make = Effect.fnUntraced(function* (
  statements: Statements,
  limits: Limits
): Effect.fn.Return<(append: EncodedAppend) => Effect.Effect<Outcome, SqlError>, never, Scope.Scope> {
  // What it runs is part of no trace: a group belongs to many, and looking belongs to nobody.
  const fork = yield* Effect.withTracerEnabled(FiberSet.makeRuntime(), false)
  const context = yield* Effect.context<never>()
  // What is held there: the streams of groups under way, and of members that wait alone.
  const queue = appendQueue.make<Member>(limits)
  let returning: Array<Member> = []
  let freeLanes = limits.lanes
  let waiters = limits.waiters
  /** When the last group began, and who looks again when it has taken long. */
  let begunAt = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let isScheduled = false
  /** Whether the last group was one append: so may this one be, and it need not wait for the end of the turn. */
  let isLone = false
  let isClosed = false
  /** Members without an outcome, wherever they are. */
  let open = 0

  const schedule = (): void => {
    if (isScheduled || freeLanes === 0 || queue.isEmpty()) return
    isScheduled = true
    queueMicrotask(dispatch)
  }

  /** One group at a time, unless one could not hold all that waited, or takes long. */
  const mayBegin = (): boolean =>
    freeLanes === limits.lanes || (freeLanes > 0 && (queue.isFull() || performance.now() - begunAt >= limits.crowd))

  // What waits behind a group that takes long goes on beside it, also where nobody else comes.
  const lookAgain = (): void => {
    if (freeLanes === 0 || queue.isEmpty()) return
    timer ??= setTimeout(
      () => {
        timer = undefined
        schedule()
      },
      Math.max(0, Math.ceil(begunAt + limits.crowd - performance.now()))
    )
  }

  const dispatch = (): void => {
    isScheduled = false
    if (isClosed) return
    while (mayBegin()) {
      const group = queue.take()
      if (group.length === 0) return
      freeLanes -= 1
      begunAt = performance.now()
      isLone = group.length === 1
      for (const { append } of group) queue.hold(append.stream)
      appendGroupSize.updateUnsafe(group.length, context)
      run(group)
    }
    lookAgain()
  }

  // Suspended: a value that cannot be encoded throws, and must not take the lane with it.
  const run = (group: Array<Member>): void => {
    fork(Effect.suspend(() => answersOf(group))).addObserver((exit) => {
      freeLanes += 1
      for (const { append } of group) queue.release(append.stream)
      settle(group, (i) => Exit.map(exit, (answers) => answers[i]))
    })
  }

  // The only append there is takes its lane past the queue, and past what only a group needs: each step that a lone append
  // takes is one more that its caller waits for.
  const runLone = (member: Member): void => {
    const { append } = member
    freeLanes -= 1
    begunAt = performance.now()
    queue.hold(append.stream)
    appendGroupSize.updateUnsafe(1, context)
    fork(Effect.suspend(() => statements.event(append))).addObserver((exit) => {
      freeLanes += 1
      queue.release(append.stream)
      if (!Exit.isSuccess(exit) || exit.value._tag !== "Appended") return settle([member], () => exit)
      member.done(exit as Exit.Success<Outcome>)
      schedule()
    })
  }

  const answersOf = (group: Array<Member>): Effect.Effect<ReadonlyArray<QuickAnswer>, SqlError> => {
    const [first] = group
    if (first !== undefined && group.length === 1) {
      const { append } = first
      const alone = groupMember.isPlain(first) ? statements.event(append) : statements.one(append, false)
      return Effect.map(alone, (answer) => [answer])
    }
    const streams = new Set(group.map(({ append }) => append.stream))
    if (group.every(groupMember.isPlain) && streams.size === group.length) {
      return statements.events(group.map(({ append }) => append))
    }
    // Adjacent appends of one stream are what the function for groups expects; a stable sort keeps their order.
    group.sort((a, b) => (a.append.stream < b.append.stream ? -1 : a.append.stream > b.append.stream ? 1 : 0))
    return statements.group(group.map(({ append }) => append))
  }

  /** Members after an attempt. Those that go by themselves or wait for their turn return to the front, in their order. */
  const settle = (
    members: ReadonlyArray<Member>,
    exitOf: (i: number) => Exit.Exit<QuickAnswer | undefined, SqlError>
  ) => {
    for (let i = 0; i < members.length; i++) settleOne(members[i] as Member, exitOf(i))
    queue.pushFront(returning)
    returning = []
    schedule()
  }

  /** What becomes of a member after an attempt: its outcome, or another attempt. */
  const settleOne = (member: Member, exit: Exit.Exit<QuickAnswer | undefined, SqlError>): void => {
    if (member.isGone) return
    if (Exit.isSuccess(exit)) {
      const answer = exit.value
      if (answer?._tag === "Busy") waitAlone(member)
      else if (answer?._tag === "LookCloser") look(member)
      else if (answer?._tag === "Unsure") {
        member.unsure = true
        returning.push(member)
      } else if (answer !== undefined) member.done(Exit.succeed(answer))
      return
    }
    if (isClosed) return member.done(Exit.fail(closed()))
    const failed = Cause.findError(exit.cause)
    const error = Result.isSuccess(failed) ? failed.success : undefined
    if (error !== undefined) {
      member.doubtful ||= mayBeStored(error)
      if (isConnection(error)) return tryAgain(member, error)
    }
    if (!member.solo) {
      // One of the group is to blame, and nobody knows which.
      alone(member)
    } else if (error === undefined) member.done(Exit.failCause(exit.cause))
    else if (sqlState(error) === "55P03") {
      member.locked += 1
      waitAlone(member, Math.min(2000, 50 * 2 ** member.locked))
    } else tryAgain(member, error)
  }

  /** From now on it goes by itself, at once. */
  const alone = (member: Member): void => {
    member.solo = true
    returning.push(member)
  }

  const tryAgain = (member: Member, error: SqlError): void => {
    const now = performance.now()
    member.failedAt ??= now
    const isOver = member.attempts >= limits.attempts || now - member.failedAt > limits.patience
    if (isOver || !explain(error).isRetryable) return member.done(Exit.fail(error))
    member.attempts += 1
    later(member, 25 * 2 ** member.attempts * (0.5 + Math.random()))
  }

  /** Puts a member back into the queue after a while; nothing is held meanwhile. */
  const later = (member: Member, millis: number): void => {
    carry(member, Effect.sleep(millis), () => {
      queue.push(member)
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
          if (isClosed) member.done(Exit.fail(closed()))
          else then(exit)
        })
      ).pipe(Effect.ignore)
    )
  }

  // Its stream is held by someone else, or an id of it: it waits on a connection of its own, one for each stream. Where no waiter is free it
  // comes with a later group, which tries its stream without waiting; an id it would wait for, in a lane: so more rarely.
  const waitAlone = (member: Member, pause = 33): void => {
    if (queue.isHeld(member.append.stream)) return void returning.push(member)
    if (waiters === 0) return later(member, pause * (0.5 + Math.random()))
    const { append } = member
    waiters -= 1
    queue.hold(append.stream)
    carry(
      member,
      Effect.suspend(() => statements.one(append, true)),
      (exit) => {
        waiters += 1
        queue.release(append.stream)
        member.solo = true
        settle([member], () => exit)
      }
    )
  }

  // An id of it is stored: as a repeat, or misused. Who was storing it a moment ago may also have rolled back.
  const look = (member: Member): void => {
    carry(
      member,
      Effect.suspend(() => statements.look([member.append])),
      (exit) => {
        if (Exit.isFailure(exit)) return settle([member], () => Exit.failCause(exit.cause))
        if (Result.isFailure(exit.value)) return member.done(Exit.succeed(exit.value.failure))
        const [first] = exit.value.success
        if (first === undefined) return later(member, 1)
        member.done(Exit.succeed({ _tag: "Appended", results: [{ ...first, repeated: !member.doubtful }] }))
      }
    )
  }

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
      clearTimeout(timer)
      for (const member of queue.clear()) member.done(Exit.fail(closed()))
    })
  )

  return (append) =>
    Effect.callback((resume) => {
      if (isClosed || open >= limits.capacity) {
        const problem = isClosed
          ? "the event store is closed"
          : `${limits.capacity} appends are waiting already, so this one was not taken`
        return resume(Effect.fail(refused(problem)))
      }
      const member = groupMember.make(append, (exit) => {
        if (member.isGone) return
        open -= 1
        resume(exit)
      })
      open += 1
      const mayGo = isLone && freeLanes === limits.lanes && !isScheduled && queue.isEmpty()
      if (mayGo && groupMember.isPlain(member) && !queue.isHeld(append.stream)) runLone(member)
      else {
        queue.push(member)
        if (mayGo) dispatch()
        else schedule()
      }
      return Effect.suspend(() => {
        open -= 1
        queue.leave(member)
        return member.fiber === undefined ? Effect.void : Fiber.interrupt(member.fiber)
      })
    })
})
