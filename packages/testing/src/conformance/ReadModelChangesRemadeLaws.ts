// The laws of live queries of rows that change without an event of their own (17.10 on): tried again, rebuilt, made anew.
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import type { Projection as AnyProjection } from "evolvent/Projection"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import { counts, often, write } from "./Counts.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

/** Writes down what is told of rows, as text. */
const watch = Effect.fnUntraced(function* <Name extends string, Row, Index extends string>(
  projection: AnyProjection<Name, Row, Index>,
  key: string | undefined,
  words: (row: Row) => unknown
) {
  const { changes } = yield* Subject
  const told: Array<string> = []
  const positions: Array<number> = []
  yield* Effect.forkScoped(
    Stream.runForEach(changes(projection, key), (change) =>
      Effect.sync(() => {
        told.push(`${change.key}: ${change.row === undefined ? "gone" : String(words(change.row))}`)
        positions.push(change.position)
      })
    )
  )
  return { told, positions }
})

/** Waits until something is told, and a while longer: nothing else is. */
const tells = Effect.fnUntraced(function* (did: string, told: Array<string>, expected: ReadonlyArray<string>) {
  yield* Check.eventually(
    did,
    `what is told is ${JSON.stringify(expected)}`,
    Effect.sync(() => [...told].sort()),
    (found) => JSON.stringify(found) === JSON.stringify(expected)
  )
  yield* Effect.sleep(40)
  yield* Check.equal(`${did}, and waited: what is told`, [...told].sort(), expected)
  told.length = 0
})

/** Waits until something was told last. */
const reaches = (did: string, told: ReadonlyArray<string>, last: string) =>
  Check.eventually(
    did,
    `the last that is told is ${last}`,
    Effect.sync(() => told.at(-1)),
    (found) => found === last
  )

const parks = { onFailure: "park", retry: Schedule.recurs(0), lease: "400 millis" } as const

const tried = law(
  "Processor 17.10 a row that is handled late, when its parked event is tried again, is told then",
  Effect.gen(function* () {
    const { parked, retry, waitFor } = yield* Subject
    const account = yield* Account.make()
    const bad = new Set([4])
    const projection = counts(account, yield* Fresh.name("counts"), () => 1, bad)
    yield* Running.start(Processor.projection(projection), parks)
    yield* waitFor(projection, yield* write(account, 3))
    const [all, one, other] = [
      yield* watch(projection, undefined, ({ count }) => count),
      yield* watch(projection, "1", ({ count }) => count),
      yield* watch(projection, "2", ({ count }) => count)
    ]
    yield* tells("watched a row", one.told, ["1: 1"])
    yield* tells("watched another row", other.told, ["2: 1"])
    yield* waitFor(projection, yield* write(account, 6, 4))
    yield* Check.equal("refused 4: how many are parked", (yield* parked(projection)).length, 2)
    yield* reaches("refused 4 of 4 to 9: the other row", other.told, "2: 3")
    const last = Math.max(...all.positions)
    for (const { told } of [all, one, other]) told.length = 0
    bad.clear()
    yield* retry(projection)
    const did = "mended it and asked for what is parked"
    // The two are handled one after the other: whoever looks in between sees both.
    yield* reaches(`${did}, watching all keys`, all.told, "1: 3")
    yield* reaches(`${did}, watching one key`, one.told, "1: 3")
    yield* Check.equal(`${did}: what is told of another row`, other.told, [])
    const rising = all.positions.every((position, i) => i === 0 || position >= (all.positions[i - 1] ?? 0))
    yield* Check.holds(
      `${did}: the positions`,
      `rise, beyond ${last}`,
      rising && last < (all.positions.at(-1) ?? 0),
      all.positions
    )
    yield* waitFor(projection, yield* write(account, 3, 10))
    yield* reaches(`${did}, and wrote on, watching one key`, one.told, "1: 4")
    // What was tried again may have come twice; what comes last is as it is.
    yield* Check.eventually(
      `${did}, and wrote on, watching all keys`,
      "the last of each is 4",
      Effect.sync(() => [...new Map(all.told.map((text) => [text.slice(0, 1), text])).values()].sort()),
      (last) => JSON.stringify(last) === JSON.stringify(["0: 4", "1: 4", "2: 4"])
    )
  })
)

const rebuilt = law(
  "Processor 17.11 rows that a rebuild made otherwise are told when they are read, those that it took away as well, and no others",
  Effect.gen(function* () {
    const { rebuild, waitFor } = yield* Subject
    const account = yield* Account.make()
    let isMended = false
    const projection = Projection.make(yield* Fresh.name("deposits"), {
      from: [account],
      row: Schema.Struct({ count: Schema.Int }),
      initial: { count: 0 }
    })({
      evolve: {
        Deposited: ({ count }, { amount }) =>
          isMended && amount % 3 === 0 ? Projection.remove : { count: count + (isMended && amount % 3 === 1 ? 10 : 1) }
      }
    })
    yield* Running.start(Processor.projection(projection), { lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 6))
    const [all, one, gone] = [
      yield* watch(projection, undefined, ({ count }) => count),
      yield* watch(projection, "1", ({ count }) => count),
      yield* watch(projection, "0", ({ count }) => count)
    ]
    yield* tells("watched a row", one.told, ["1: 2"])
    yield* tells("watched another row", gone.told, ["0: 2"])
    isMended = true
    yield* Stream.runDrain(rebuild(projection, often))
    const did = "mended the definition and rebuilt"
    yield* tells(`${did}, watching all keys`, all.told, ["0: gone", "1: 20"])
    yield* tells(`${did}, watching a row that changed`, one.told, ["1: 20"])
    yield* tells(`${did}, watching a row that is gone`, gone.told, ["0: gone"])
    yield* waitFor(projection, yield* write(account, 2, 7))
    yield* tells(`${did}, and wrote on`, all.told, ["1: 30", "2: 3"])
  })
)

const byKey = law(
  "Processor 17.12 rows that are made anew by key are told",
  Effect.gen(function* () {
    const { rebuildRows, waitFor } = yield* Subject
    const account = yield* Account.make()
    let times = 1
    const projection = counts(account, yield* Fresh.name("counts"), () => times)
    yield* Running.start(Processor.projection(projection), { lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 6))
    const [all, one] = [
      yield* watch(projection, undefined, ({ count }) => count),
      yield* watch(projection, "2", ({ count }) => count)
    ]
    yield* tells("watched a row", one.told, ["2: 2"])
    times = 5
    yield* rebuildRows(projection, ["1", "2"])
    yield* tells("made two rows anew, watching all keys", all.told, ["1: 10", "2: 10"])
    yield* tells("made two rows anew, watching one key", one.told, ["2: 10"])
  })
)

/** The laws of live queries of rows that were remade. */
export const remade = [tried, rebuilt, byKey]
