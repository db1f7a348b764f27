// Laws of order: every interleaving of one look of a reader with appends, on the functions as they stand in the database.
import type { Law } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import * as Position from "evolvent/Position"
import { calls, stand } from "./Bench.ts"
import type { Bench, Session } from "./Bench.ts"
import * as Interleaving from "./Interleaving.ts"
import type { Actor } from "./Interleaving.ts"
import { broken, law } from "./Law.ts"

/** What a reader asks for first, and then. */
const looks = [/allocated := [^;]*;/, /SELECT min\([^;]*;/]

/** The statement that takes the floor. */
const floor = /nothing := pg_advisory_xact_lock_shared\([^;]*;/

/** The floor and the draw of a function that does all in one statement. */
const inside = [
  [/pg_advisory_xact_lock_shared\([^;]*?::bit\(32\)::int\)/, "text"],
  [/nextval\('[^']*'::regclass\)/, "bigint"]
] as const

interface Writer {
  readonly fn: string
  /** What comes behind the floor: the draw, or the insert that draws; nothing where all is one statement. */
  readonly second?: RegExp
  readonly append: (schema: string, stream: string) => string
  /** In a transaction that goes on behind the append. */
  readonly holds: boolean
}

const writers: { readonly [Name in "event" | "events" | "one" | "group"]: Writer } = {
  event: {
    fn: "append_event",
    append: (schema, stream) => calls(schema).event(stream),
    holds: false
  },
  events: {
    fn: "append_events",
    append: (schema, stream) => calls(schema).events(stream),
    holds: false
  },
  one: {
    fn: "append_one",
    second: /INSERT INTO [^;]*;/,
    append: (schema, stream) => calls(schema).one(stream),
    holds: true
  },
  group: {
    fn: "append_group",
    second: /SELECT array_agg\(nextval[^;]*;/,
    append: (schema, stream) => calls(schema).group(stream),
    holds: false
  }
}

const numbers = (rows: ReadonlyArray<ReadonlyArray<unknown>>): ReadonlyArray<number> => rows.map(([n]) => Number(n))

/**
 * A reader looks while one append is under way, which stops behind its floor and behind its draw, and while another one
 * goes through at once. In every order: what the reader has passed it has seen.
 */
const everyOrder = (id: string, writer: Writer): Law<Bench> =>
  law(
    id,
    Effect.gen(function* () {
      const here = yield* stand()
      const { schema, store } = here
      const gates = yield* Interleaving.make(here)
      const [slow, quick]: readonly [Session, Session] = [yield* here.session, yield* here.session]
      const readerGates = yield* gates.behind("safe_position", "reader", looks)
      const writerGates = yield* writer.second === undefined
        ? gates.within(writer.fn, "writer", inside)
        : gates.behind(writer.fn, "writer", [floor, writer.second])
      // The other append is of another function, which stops nowhere.
      const other = writer.fn === "append_event" ? calls(schema).one("quick-1") : calls(schema).event("quick-1")

      const inTransaction = Effect.gen(function* () {
        yield* slow.run("BEGIN")
        yield* slow.run(writer.append(schema, "slow-1"))
        yield* slow.run("COMMIT")
      })
      // Before all others and after them the quick append tells nothing.
      const orders = Interleaving.orders([readerGates + 1, writerGates + 1, 1]).filter(
        (order) => order[0] !== 2 && order.at(-1) !== 2
      )
      for (const order of orders) {
        const [row] = yield* quick.run(`SELECT coalesce(max(position), 0) FROM ${schema}.events`)
        const after = Number(row?.[0])
        let seen: ReadonlyArray<number> = []
        const from = { position: Position.make(after + 1) }
        const read = Stream.runCollect(store.read(EventFilter.all(), { from, limit: 1000 }))
        const reader: Actor = {
          name: "reader",
          gates: readerGates,
          run: Effect.map(read, (events) => {
            seen = events.map(({ position }) => position)
          })
        }
        const append: Actor = {
          name: "writer",
          gates: writerGates,
          run: writer.holds ? inTransaction : slow.run(writer.append(schema, "slow-1"))
        }
        yield* gates.interleave([reader, append, { name: "quick", gates: 0, run: quick.run(other) }], order)
        const passed = Math.max(after, ...seen)
        const stored = numbers(
          yield* quick.run(
            `SELECT position FROM ${schema}.events WHERE position > ${after} AND position <= ${passed} ORDER BY position`
          )
        )
        if (stored.join() !== seen.join()) {
          const names = ["reader", "writer", "quick"]
          const did = `stepped in the order ${order.map((turn) => names[turn]).join(", ")}; the reader passed ${passed}`
          return yield* broken(did, `it has seen ${stored.join(", ")}`, `it saw ${seen.join(", ")}`)
        }
        if (seen.length > 3) return yield* broken("looked at what the reader saw", "the events of one round", seen)
      }
    })
  )

/** Laws of single looks. */
export const looking: ReadonlyArray<Law<Bench>> = [
  everyOrder("Order 1 in every interleaving of a look with append_event, what was passed was seen", writers.event),
  everyOrder(
    "Order 2 in every interleaving of a look with append_one in a transaction, what was passed was seen",
    writers.one
  ),
  everyOrder("Order 3 in every interleaving of a look with append_group, what was passed was seen", writers.group),
  everyOrder("Order 12 in every interleaving of a look with append_events, what was passed was seen", writers.events)
]
