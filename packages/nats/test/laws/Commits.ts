// Laws of changing several documents: all or none, wherever the process dies, whoever waits for it, whichever answer is lost.
import type { Law } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import type { Move } from "evolvent/CheckpointStore"
import * as Position from "evolvent/Position"
import { RequestFailed } from "../../src/NatsError.ts"
import { dyingAt, losing } from "../support/checkpointing.ts"
import { Bench, checkpointsOf, layoutOf } from "./Bench.ts"
import type { Breaking } from "./Bench.ts"
import { before } from "./Breaks.ts"
import { broken, equal, eventually, law } from "./Law.ts"

const at = Position.make
const tables = "tables.law"

/** What a rebuild's switch does: checkpoints of two names, each with slots of its own, and an exchange beside them. */
const names = ["live/0", "live/1", "next/0", "next/switch"]
const moves = (from: number): ReadonlyArray<Move> => names.map((name) => ({ name, from: at(from), to: at(from + 1) }))
const exchanged = (value: Json | undefined): Json =>
  Array.isArray(value) ? [value[1] ?? 0, value[0] ?? 0] : ["b", "a"]

type Process = Effect.Success<ReturnType<typeof checkpointsOf>>

const change = ({ documents, store }: Process, from = 0) =>
  Effect.flatMap(Bench, ({ backend }) =>
    store.transact(moves(from), backend.transaction.change(documents, tables, exchanged))
  )

/** How often it happened, as each of the documents tells. */
const found = ({ documents, store }: Process) =>
  Effect.gen(function* () {
    const positions = (yield* store.loadAll(names)).map(({ position }): number => position)
    const { value } = yield* documents.read(tables)
    return [...positions, value === undefined ? 0 : Array.isArray(value) && value[0] === "b" ? 1 : 2]
  })

const times = (n: number) => [n, n, n, n, n]

// Three documents that wait, the verdict, three that do not, and the verdict's end.
const writes = 8
const verdict = 4

const isVerdict = (subject: string): boolean => subject.includes(".tx.")

const closed = (subject: string) => new RequestFailed({ subject, why: "Closed", problem: "this law closed it" })

const deaths = law(
  "Commit 1 a process that dies at any of its writes leaves all of it or nothing, and holds up nobody for long",
  Effect.forEach(
    Array.from({ length: writes }, (_, i) =>
      (["before it is sent", "after it was sent"] as const).map((when) => [i + 1, when] as const)
    ).flat(),
    ([n, when]) =>
      Effect.gen(function* () {
        const layout = yield* layoutOf()
        const did = `died at write ${n}, ${when}`
        const { breaking, state } = dyingAt(n, when)
        const dying = yield* checkpointsOf(layout, breaking)
        const other = yield* checkpointsOf(layout)
        const ended = yield* Effect.result(change(dying))
        const happened = n > verdict || (n === verdict && when === "after it was sent") ? 1 : 0
        // The verdict's end is nobody's to wait for.
        if (n < writes) yield* equal(did, state.isDead, true)
        if (Result.isSuccess(ended)) yield* equal(`${did} and was told that it is done`, happened, 1)
        else yield* equal(did, ended.failure._tag, "CheckpointStoreError")
        yield* equal(`${did}: how often it happened`, yield* found(other), times(happened))
        yield* change(other, happened)
        yield* equal(`${did}, and somebody went on`, yield* found(other), times(happened + 1))
      }),
    { concurrency: "unbounded", discard: true }
  )
)

/** Holds the first message of some subject until a gate is opened. */
const held = Effect.fnUntraced(function* (isMeant: (subject: string) => boolean) {
  const [reached, gate] = [yield* Latch.make(), yield* Latch.make()]
  let isFirst = true
  const hold = Effect.suspend(() => {
    if (!isFirst) return Effect.void
    isFirst = false
    return Effect.andThen(reached.open, gate.await)
  })
  return { reached: reached.await, open: gate.open, breaking: before(isMeant, hold) }
})

const slow = law(
  "Commit 2 what is not decided has not happened, and who takes too long to decide is decided against",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { breaking, open, reached } = yield* held(isVerdict)
    const [one, other] = [yield* checkpointsOf(layout, breaking), yield* checkpointsOf(layout)]
    const moving = yield* Effect.forkScoped(Effect.result(change(one)))
    yield* reached
    const did = "changed five things and did not decide"
    yield* equal(`${did}: how often it happened`, yield* found(other), times(0))
    const [first = ""] = names
    yield* other.store.advance({ name: first, from: at(0), to: at(7) })
    yield* open
    const ended = yield* Fiber.join(moving)
    const outcome = Result.isSuccess(ended) ? "done" : ended.failure._tag
    yield* equal(`${did} until others did`, outcome, "CheckpointMoved")
    yield* equal(`${did} until others did`, yield* found(other), [7, 0, 0, 0, 0])
  })
)

const tooLate = law(
  "Commit 3 who decides against a slow one finds that it has decided itself",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const [deciding, against] = [yield* held(isVerdict), yield* held(isVerdict)]
    // What it has decided it cannot carry out: so the others go by the verdict.
    let isDecided = false
    const stuck: Breaking = (jetstream) => ({
      ...jetstream,
      publish: (subject, ...rest) =>
        isDecided && !isVerdict(subject)
          ? Effect.fail(closed(subject))
          : Effect.tap(jetstream.publish(subject, ...rest), () =>
              Effect.sync(() => {
                isDecided ||= isVerdict(subject)
              })
            )
    })
    const one = yield* checkpointsOf(layout, (jetstream) => deciding.breaking(stuck(jetstream)))
    const other = yield* checkpointsOf(layout, against.breaking)
    const moving = yield* Effect.forkScoped(change(one))
    yield* deciding.reached
    const [first = ""] = names
    const advancing = yield* Effect.forkScoped(
      Effect.result(other.store.advance({ name: first, from: at(0), to: at(7) }))
    )
    yield* against.reached
    yield* deciding.open
    yield* Fiber.join(moving)
    yield* against.open
    const did = "decided against a change that had been decided a moment before"
    yield* equal(did, (yield* Fiber.join(advancing))._tag, "Failure")
    yield* equal(`${did}: how often it happened`, yield* found(other), times(1))
  })
)

const unanswered = law(
  "Commit 4 it happens once though the answer to every one of its writes is lost once",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const counts = new Map<string, number>()
    const lose = (subject: string) => {
      const count = (counts.get(subject) ?? 0) + 1
      counts.set(subject, count)
      return count % 2 === 1
    }
    const [one, other] = [yield* checkpointsOf(layout, losing(lose)), yield* checkpointsOf(layout)]
    for (const round of [0, 1, 2]) {
      yield* change(one, round)
      const positions = (yield* found(other)).slice(0, 4)
      yield* equal("lost every answer once: how often it happened", positions, times(round + 1).slice(0, 4))
    }
    yield* equal("lost every answer once", (yield* other.documents.read(tables)).value, ["b", "a"])
    // Three documents that wait, the verdict, three that do not: nothing is done again.
    const stored = [...counts.values()].reduce((sum, count) => sum + count, 0)
    yield* equal("lost every answer once: how often it was written, three times", stored, 3 * 7)
  })
)

const looking = law(
  "Commit 5 who looks for a verdict that was carried out and removed meanwhile looks again",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { breaking, open, reached } = yield* held(isVerdict)
    const [looked, gate] = [yield* Latch.make(), yield* Latch.make()]
    const one = yield* checkpointsOf(layout, breaking)
    const reader = yield* checkpointsOf(layout, (jetstream) => ({
      ...jetstream,
      last: (stream, subject) =>
        isVerdict(subject)
          ? Effect.andThen(Effect.andThen(looked.open, gate.await), jetstream.last(stream, subject))
          : jetstream.last(stream, subject)
    }))
    const moving = yield* Effect.forkScoped(change(one))
    yield* reached
    const reading = yield* Effect.forkScoped(reader.documents.read(tables))
    yield* looked.await
    yield* open
    yield* Fiber.join(moving)
    yield* eventually(
      "changed five things",
      "nothing is left of it but the documents",
      Effect.map(one.jetstream.info(layout.checkpoints.name), (info) => info?.state.messages),
      (messages) => messages === 3
    )
    yield* gate.open
    const { value } = yield* Fiber.join(reading)
    yield* equal("read a document whose change was carried out while its verdict was looked for", value, ["b", "a"])
  })
)

const kept = law(
  "Commit 6 a verdict stays for as long as a document waits for it",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    let isDecided = false
    let isLost = false
    // The first document cannot be carried out.
    const stuck: Breaking = (jetstream) => ({
      ...jetstream,
      publish: (subject, ...rest) =>
        Effect.suspend(() => {
          if (isVerdict(subject)) isDecided = true
          if (isDecided && !isVerdict(subject) && !isLost) {
            isLost = true
            return Effect.fail(closed(subject))
          }
          return jetstream.publish(subject, ...rest)
        })
    })
    const [one, other] = [yield* checkpointsOf(layout, stuck), yield* checkpointsOf(layout)]
    yield* change(one)
    yield* Effect.sleep(100)
    const did = "changed five things and could not carry one of them out"
    yield* equal(`${did}: how often it happened`, yield* found(other), times(1))
    yield* change(other, 1)
    yield* equal(`${did}, and somebody went on`, yield* found(other), times(2))
    if (!isLost) return yield* broken(did, "something is not carried out, or the law shows nothing", isLost)
  })
)

const refused = law(
  "Commit 7 none of them changes where one of them stands elsewhere, or somebody was faster at the last of them",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const other = yield* checkpointsOf(layout)
    const [, second = ""] = names
    yield* other.store.advance({ name: second, from: at(0), to: at(5) })
    const one = yield* checkpointsOf(layout)
    const ended = yield* Effect.flip(change(one))
    yield* equal("moved what stands elsewhere", ended._tag, "CheckpointMoved")
    yield* equal("moved what stands elsewhere", yield* found(other), [0, 5, 0, 0, 0])
    // Two of three wait already when the third turns out to have changed.
    const { breaking, open, reached } = yield* held((subject) => subject.endsWith(tables))
    const racing = yield* checkpointsOf(layout, breaking)
    const edits = names.map((name, i): Move => ({ name, from: at(i === 1 ? 5 : 0), to: at(6) }))
    const { backend } = yield* Bench
    const moving = yield* Effect.forkScoped(
      racing.store.transact(edits, backend.transaction.change(racing.documents, tables, exchanged))
    )
    yield* reached
    yield* other.documents.change(new Map([[tables, () => Result.succeed(["x", "y"])]]))
    const since = performance.now()
    yield* open
    yield* Fiber.join(moving)
    const did = "changed a document while it was to be changed with others"
    // What it had begun it takes back at once: nobody has to decide against it.
    yield* equal(`${did}: whether it took two seconds`, performance.now() - since > 1900, false)
    yield* equal(did, (yield* found(other)).slice(0, 4), [6, 6, 6, 6])
    yield* equal(did, (yield* other.documents.read(tables)).value, ["y", "x"])
  })
)

/** Laws of changes of several documents. */
export const commits: ReadonlyArray<Law<Bench>> = [deaths, slow, tooLate, unanswered, looking, kept, refused]
