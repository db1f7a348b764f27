// The laws of rebuilding that is refused, or fails (15): what is read stays as it was, and somebody is told.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import type { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import type { ReadModelStore } from "evolvent/ReadModelStore"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import { counts, equalsFold, often, rowsOf, write } from "./Counts.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

type Services = EventStore | CheckpointStore | ReadModelStore

/** The same name and version with one more field. */
const changed = (account: Account.Account, name: string) =>
  Projection.make(name, {
    from: [account],
    row: Schema.Struct({ count: Schema.Int, by: Schema.Int, last: Schema.Int }),
    initial: { count: 0, by: 0, last: 0 },
    indexes: ["last"]
  })({
    evolve: { Deposited: ({ count }, { amount }) => ({ count: count + 1, by: 9, last: amount }) }
  })

const refused = law(
  "Processor 15.5 a changed definition is refused with what to do, and after its rebuild the old one is",
  Effect.gen(function* () {
    const { rebuild, waitFor } = yield* Subject
    const account = yield* Account.make()
    const name = yield* Fresh.name("counts")
    const projection = counts(account, name, () => 1)
    const other = changed(account, name)
    const old = yield* Running.start(Processor.projection(projection), { lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 30))
    yield* old.kill
    const early = yield* Running.start(Processor.projection(other))
    const stopped = yield* early.stopped
    const says = stopped.problem.includes("Processor.rebuild")
    yield* Check.holds("ran another definition under the same version", "it says what to do", says, stopped.problem)
    yield* equalsFold("ran another definition under the same version", projection)
    const again = yield* Running.start(Processor.projection(projection), { lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 3, 31))
    yield* Stream.runDrain(rebuild(other, often))
    const moved = yield* again.stopped
    yield* Check.holds(
      "rebuilt it by the other definition while the old one ran: how that stopped",
      "it says that the read model has moved on",
      moved.problem.includes("rebuilt by another definition"),
      moved.problem
    )
    yield* Running.start(Processor.projection(other))
    yield* waitFor(other, yield* write(account, 3, 34))
    const { rows } = yield* ReadModel.list(other, { orderBy: "last" })
    const found = rows.map(({ row }) => [row.count, row.by, row.last])
    yield* Check.equal("rebuilt it by the other definition: the rows", found, [
      [12, 9, 34],
      [12, 9, 35],
      [12, 9, 36]
    ])
  })
)

const failing = law(
  "Processor 15.7 a rebuild that fails on an event says so and changes nothing",
  Effect.gen(function* () {
    const { rebuild, waitFor } = yield* Subject
    const account = yield* Account.make()
    const bad = new Set<number>()
    const projection = counts(account, yield* Fresh.name("counts"), () => 1, bad)
    yield* Running.start(Processor.projection(projection), { lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 12))
    bad.add(5)
    const all = Stream.runDrain(rebuild(projection, often))
    const stopped = yield* Check.refused("rebuilt it by a definition that throws on 5", all, "ProcessorStopped")
    yield* Check.holds(
      "rebuilt it so: the problem",
      "names what was thrown",
      stopped.problem.includes("no 5"),
      stopped.problem
    )
    bad.clear()
    yield* equalsFold("rebuilt it so", projection)
    yield* waitFor(projection, yield* write(account, 3, 13))
    yield* equalsFold("wrote on", projection)
  })
)

const retired = law(
  "Processor 15.9 a version that is given up is gone, and whoever still keeps it is stopped",
  Effect.gen(function* () {
    const { rebuild, retire, waitFor } = yield* Subject
    const account = yield* Account.make()
    const projection = counts(account, yield* Fresh.name("counts"), () => 1)
    const running = yield* Running.start(Processor.projection(projection), { lease: "400 millis" })
    yield* waitFor(projection, yield* write(account, 12))
    yield* running.kill
    yield* retire(projection)
    yield* Check.equal("gave it up: the rows", yield* rowsOf(projection), [])
    const late = yield* Running.start(Processor.projection(projection))
    const stopped = yield* late.stopped
    yield* Check.holds("ran it after that", "it says so", stopped.problem.includes("given up"), stopped.problem)
    yield* Check.equal("ran it after that: the rows", yield* rowsOf(projection), [])
    yield* Stream.runDrain(rebuild(projection, often))
    yield* equalsFold("rebuilt it after all", projection)
  })
)

/** The laws of rebuilding in vain. */
export const refusing: ReadonlyArray<Law<Services>> = [refused, failing, retired]
