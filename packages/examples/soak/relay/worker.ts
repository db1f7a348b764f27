// worker: one process of the soak: it relays the events of PostgreSQL to the bus, or is shipping on the other side of it.
import * as path from "node:path"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Nats from "@evolvent/nats/Nats"
import * as Postgres from "@evolvent/postgres/Postgres"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as Bus from "evolvent/Bus"
import * as Processor from "evolvent/Processor"
import { open, tail } from "./journal.ts"
import { groups, Order, packed, upsert } from "./orders.ts"

/** What a process is to do. */
export interface Task {
  readonly role: "relay" | "shipping"
  readonly name: string
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly database: string
    readonly username: string
  }
  readonly nats: string
  readonly folder: string
}

/** What a process lets its parent know: that it begins, and the last revision that each group handled, by group and stream. */
export type Report =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Handled"; readonly handled: Readonly<Record<string, number>> }

const { connection, folder, name, nats, role } = JSON.parse(process.argv[2] ?? "{}") as Task
const tell = (report: Report): void => {
  if (process.connected) process.send?.(report, () => undefined)
}
// Without its parent nobody would ever end it.
process.on("disconnect", () => process.exit(0))

const relay = Effect.gen(function* () {
  tell({ _tag: "Ready" })
  yield* Processor.run(Processor.relay("orders-to-bus", { from: [Order] }), { partitions: 4, lease: "2 seconds" })
})

// A database that is away is no fault of a message: it is handled when there is one again.
const retry = Schedule.spaced("100 millis")

const shipping = Effect.gen(function* () {
  const bus = yield* Bus.Bus
  const sql = yield* PgClient.PgClient
  let handled: Record<string, number> = {}
  const noteOf = (group: string) => {
    const write = open(path.join(folder, `${group} ${name}.log`))
    return ({ id, revision, stream }: Bus.Message): void => {
      write({ stream, revision, id: tail(id), at: performance.timeOrigin + performance.now() })
      handled[`${group} ${stream}`] = revision
    }
  }
  const shipped = noteOf(groups.shipping)
  const audited = noteOf(groups.audit)
  const ship = yield* Bus.inbox(groups.shipping, ({ data, stream }) => {
    const { weight } = data as { readonly weight: number }
    return sql.unsafe(upsert, [stream, String(weight)])
  })
  const shipments = bus.subscribe(
    groups.shipping,
    { topics: [{ category: Order.name, types: [packed] }], retry },
    (message) => Effect.map(ship(message), () => shipped(message))
  )
  const audit = bus.subscribe(groups.audit, { topics: [{ category: Order.name }] }, (message) =>
    Effect.sync(() => audited(message))
  )
  const report = Effect.andThen(
    Effect.sleep(200),
    Effect.sync(() => {
      tell({ _tag: "Handled", handled })
      handled = {}
    })
  )
  tell({ _tag: "Ready" })
  yield* Effect.all([shipments, audit, Effect.forever(report)], { concurrency: "unbounded" })
})

const database = Layer.provideMerge(
  Postgres.layerFrom(),
  PgClient.layer({ ...connection, applicationName: `soak ${name}`, maxConnections: 10, connectTimeout: "5 seconds" })
)
// What is named last provides the Bus.
const live = Layer.provideMerge(Nats.layerBus({ servers: nats, name: `soak ${name}` }), database)
const work = Effect.gen(function* () {
  if (role === "relay") yield* relay
  else yield* shipping
})
const program = Effect.provide(work, live).pipe(
  // It may have been started while a server was away.
  Effect.retry(Schedule.max([Schedule.spaced("200 millis"), Schedule.recurs(300)])),
  Effect.provide(Logger.layer([]))
)
const exit = await Effect.runPromiseExit(program)
if (Exit.isFailure(exit)) console.error(Cause.pretty(exit.cause))
process.exit(Exit.isFailure(exit) ? 1 : 0)
