// The law of kept rows (17): they are not read again, and never older than what was waited for.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import { ReadModelStore } from "evolvent/ReadModelStore"
import { EventStore } from "evolvent/EventStore"
import * as StreamName from "evolvent/StreamName"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

const neverOlder = law(
  "Processor 17.13 a kept row is not read again until an event touches it, and is never older than what was waited for",
  Effect.gen(function* () {
    const { layerCached } = yield* Subject
    const store = yield* EventStore
    const rows = yield* ReadModelStore
    const account = yield* Account.make()
    const counts = Projection.make(yield* Fresh.name("counts"), {
      from: [account],
      row: Schema.Struct({ deposits: Schema.Int }),
      initial: { deposits: 0 }
    })({ evolve: { Deposited: ({ deposits }) => ({ deposits: deposits + 1 }) } })
    yield* Running.start(Processor.projection(counts))
    let reads = 0
    const counted: ReadModelStore["Service"] = {
      ...rows,
      get: (table, keys) => {
        reads += 1
        return rows.get(table, keys)
      }
    }
    const context = yield* Layer.build(layerCached({ of: [counts] })).pipe(
      Effect.provideService(ReadModelStore, counted)
    )
    const get = (key: string) =>
      ReadModel.get(counts, key).pipe(Effect.provide(context), Effect.provideService(ReadModelStore, counted))
    const isKept = (key: string) =>
      Effect.gen(function* () {
        yield* get(key)
        const before = reads
        yield* get(key)
        return reads === before
      })
    const written: Record<string, number> = { "1": 0, "2": 0 }
    for (const i of Fresh.range(24)) {
      const key = i % 3 === 0 ? "2" : "1"
      // Now and then a row is kept before it changes, and now and then it is read right after the one before.
      if (i % 4 === 0) {
        yield* Check.eventually(`read a row before event ${i}`, "it is kept", isKept(key), (kept) => kept)
      }
      const deposit = { type: "Deposited", data: { amount: 1 } }
      const { position } = yield* store.append(StreamName.make(account.name, key), [deposit])
      written[key] = (written[key] ?? 0) + 1
      yield* Processor.waitFor(counts, position)
      const row = yield* get(key)
      yield* Check.equal(`waited for event ${i} and read its row`, row?.deposits, written[key])
    }
    yield* Check.eventually("read another row", "it is kept as well", isKept("nobody"), (kept) => kept)
    yield* Check.eventually("read a row", "it is kept", isKept("1"), (kept) => kept)
    const before = reads
    const row = yield* get("1")
    yield* Check.equal("read it again: the row, and how often it was read", [row?.deposits, reads - before], [16, 0])
  })
)

/** The law of kept rows. */
export const keepingRows = [neverOlder]
