// worker: one process that runs the projection, the handler and the reactor, until it is killed.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as Processor from "evolvent/Processor"
import * as Postgres from "../../src/Postgres.ts"
import * as forked from "../forked.ts"
import * as randoms from "../random.ts"
import { Account, handlerName, ledger, reactorName, Trouble } from "./domain.ts"
import { outside } from "./tables.ts"

/** What a process is to do. */
export interface Task {
  readonly name: string
  readonly seed: string
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly database: string
    readonly username: string
  }
  readonly partitions: number
  /** The length of its leases in milliseconds. */
  readonly lease: number
  /** The troubles up to this number are over. */
  readonly mended: number
}

/** What a process is told: which troubles are over. */
export type Order = { readonly mended: number }

const { connection, lease, name, partitions, seed, ...task } = forked.task<Task>()
let { mended } = task
forked.hear<Order>((order) => {
  mended = Math.max(mended, order.mended)
})
forked.feelStalls()

const random = randoms.make(`${seed} ${name}`)
const client = PgClient.layer({ ...connection, applicationName: name, maxConnections: 8 })

const check = (trouble: number) => (trouble > mended ? Effect.fail(new Trouble({ trouble })) : Effect.void)

const rows = Processor.handler(handlerName, {
  from: [Account],
  handle: ({ data: { trouble }, id, revision, stream }) =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql.unsafe("INSERT INTO soak.handled (event, stream, revision, process) VALUES ($1, $2, $3, $4)", [
        id,
        stream,
        String(revision),
        name
      ])
      // After it has written: what it wrote must go as well.
      yield* check(trouble)
    })
})

let count = 0

/** The reactor writes down what it does on connections of its own, as the outside world would notice it. */
const reactor = (world: PgClient.PgClient) =>
  Processor.reactor(reactorName, {
    from: [Account],
    handle: ({ data: { trouble }, id, position, revision, stream }) =>
      Effect.suspend(() => {
        const handling = `${name} ${count++}`
        const note = (what: "begin" | "end" | "failed") =>
          world.unsafe(
            `INSERT INTO soak.outside (what, handling, event, stream, revision, position, process, pid)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
            [what, handling, id, stream, String(revision), String(position), name, String(process.pid)]
          )
        return Effect.gen(function* () {
          yield* note("begin")
          yield* Effect.sleep(random.between(0, 8))
          yield* Effect.tapError(check(trouble), () => note("failed"))
          yield* note("end")
        })
      })
  })

const retry = Schedule.max([Schedule.spaced("30 millis"), Schedule.recurs(1)])
const options = { partitions, lease, retry, onFailure: "park" } as const

const program = Effect.gen(function* () {
  const world = Context.get(
    yield* Layer.build(PgClient.layer({ ...connection, applicationName: outside(name), maxConnections: 4 })),
    PgClient.PgClient
  )
  forked.tell({ _tag: "Ready" })
  yield* Effect.all(
    [
      Processor.run(Processor.projection(ledger(() => mended)), options),
      Processor.run(rows, options),
      Processor.run(reactor(world), options)
    ],
    { concurrency: "unbounded" }
  )
}).pipe(
  Effect.scoped,
  Effect.provide(Layer.provideMerge(Postgres.layerFrom({ pollInterval: "500 millis" }), client)),
  Effect.provide(Logger.layer([])),
  Effect.tapCause((cause) => Effect.sync(() => forked.tell({ _tag: "Failed", problem: String(cause) })))
)
await Effect.runPromise(program)
