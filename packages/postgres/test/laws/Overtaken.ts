// Law of the shortest ways in: their snapshot is older than their lock, and whoever comes between the two is met.
import type { Law } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as EventId from "evolvent/EventId"
import type { Expected } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import { ended } from "./Appends.ts"
import { stand } from "./Bench.ts"
import type { Bench } from "./Bench.ts"
import * as Interleaving from "./Interleaving.ts"
import { equal, law } from "./Law.ts"

/** What a stranger does to a stream between the snapshot and the lock of an append, whose id he may have as well. */
interface Round {
  readonly did: string
  readonly expected: Expected
  readonly between: (store: (stream: string, id: string) => string, id: string) => ReadonlyArray<string>
  readonly outcome: string
}

const random = "gen_random_uuid()"

const rounds: ReadonlyArray<Round> = [
  {
    did: "nobody did anything",
    expected: Revision.make(0),
    between: () => ["SELECT 1"],
    outcome: "at 1"
  },
  {
    did: "nobody did anything, and another revision was expected,",
    expected: Revision.make(7),
    between: () => ["SELECT 1"],
    outcome: "conflict at 0"
  },
  {
    did: "a stranger appended",
    expected: Revision.make(0),
    between: (store) => [store("mine", random)],
    outcome: "conflict at 1"
  },
  {
    did: "a stranger began the stream",
    expected: "noStream",
    between: (store) => [store("mine", random), store("mine", random)],
    outcome: "conflict at 1"
  },
  {
    did: "a stranger stored the same event",
    expected: Revision.make(0),
    between: (store, id) => [store("mine", `'${id}'`), store("mine", random)],
    outcome: "repeats 1"
  },
  {
    did: "a stranger stored the id in another stream",
    expected: Revision.make(0),
    between: (store, id) => [store("other", `'${id}'`)],
    outcome: "EventIdReused"
  },
  {
    did: "a stranger appended and rolled back",
    expected: Revision.make(0),
    between: (store) => ["BEGIN", store("mine", random), "ROLLBACK"],
    outcome: "at 1"
  }
]

const overtaken = law(
  "Append 8 who is overtaken between the snapshot and the lock of the shortest way in stores nothing, and hears the truth",
  Effect.gen(function* () {
    const here = yield* stand()
    const { schema } = here
    const gates = yield* Interleaving.make(here)
    const [stranger, quick] = [yield* here.session, yield* here.session]
    // The key of the lock is computed when the statement runs, and the lock is tried then.
    const key = [[/hashtextextended\([^()]*\)/, "bigint"]] as const
    const counts = {
      event: yield* gates.within("append_event", "alone", key),
      events: yield* gates.within("append_events", "many", key)
    }
    let streams = 0
    for (const { between, did, expected, outcome } of rounds) {
      for (const isAlone of [true, false]) {
        const name = `${++streams}`
        const id = yield* EventId.generate
        if (expected !== "noStream") yield* ended(here, name, "any")
        const store = (stream: string, event: string) =>
          `SELECT outcome FROM ${schema}.append_one(true, 'A-${stream === "mine" ? name : `${name}other`}', 'A', -2,
            ARRAY[${event}]::uuid[], ARRAY['T'], ARRAY[1], ARRAY['{}'], ARRAY['{}'])`
        // Behind a group nobody goes before the end of the turn.
        yield* Effect.forEach([1, 2, 3], (n) => ended(here, `${name}group${n}`, "noStream"), { concurrency: 3 })
        let outcomes: ReadonlyArray<string> = []
        const mine = ended(here, name, expected, id)
        const append = {
          name: isAlone ? "alone" : "many",
          gates: isAlone ? counts.event : counts.events,
          run: Effect.map(
            Effect.all(isAlone ? [mine] : [mine, ended(here, `${name}free`, "noStream")], { concurrency: "unbounded" }),
            (all) => {
              outcomes = all
            }
          )
        }
        const comes = {
          name: "stranger",
          gates: 0,
          run: Effect.forEach(between(store, id), (text) => stranger.run(text), { discard: true })
        }
        yield* gates.interleave([append, comes], [0, 1, 0])
        const what = `${did} between the snapshot and the lock of an append ${isAlone ? "that was alone" : "beside another"}`
        yield* equal(what, outcomes, isAlone ? [outcome] : [outcome, "at 0"])
      }
    }
    const twice = yield* quick.run(
      `SELECT stream, revision::int FROM ${schema}.events GROUP BY 1, 2 HAVING count(*) > 1`
    )
    yield* equal("came between: revisions that are there twice", twice, [])
  })
)

/** Laws of appends that are overtaken. */
export const overtaking: ReadonlyArray<Law<Bench>> = [overtaken]
