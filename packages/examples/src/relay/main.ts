// `pnpm relay`: a shop and its shipping as two processes on PostgreSQL, and NATS between them; `--kill` has both killed.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as ReadModel from "evolvent/ReadModel"
import { bold, dim } from "../demo/print.ts"
import * as OnPostgres from "../onPostgres.ts"
import { Order } from "../order/domain.ts"
import { Shipment } from "./domain.ts"
import * as Processes from "./processes.ts"
import { ToShip } from "./projections.ts"

/** The address in a variable, if there is one. */
const given = (variable: string) =>
  Effect.map(Effect.orDie(Config.option(Config.String(variable))), (url) =>
    Option.getOrUndefined(Option.filter(url, (text) => text.trim() !== ""))
  )

/** The servers: those of the variables, or new ones that come and go with this. */
const servers = Effect.gen(function* () {
  const [database, nats] = [yield* given("DATABASE_URL"), yield* given("NATS_URL")]
  const own = Effect.gen(function* () {
    const server = yield* EmbeddedPostgres.start({ port: yield* Processes.freePort })
    return Redacted.value(server.url)
  })
  return {
    DATABASE_URL: database ?? (yield* own),
    NATS_URL: nats ?? (yield* NatsServer.make()).url,
    where: [
      database === undefined ? "a PostgreSQL of its own" : "the PostgreSQL that DATABASE_URL names",
      nats === undefined ? "a NATS server of its own" : "the NATS server that NATS_URL names"
    ].join(" and ")
  }
})

const hear = (who: string) => (line: string) => {
  const text = line.length > 110 ? `${line.slice(0, 109)}…` : line
  process.stdout.write(`  ${dim(who.padEnd(10))}${text}\n`)
}

const count = (category: string, types: ReadonlyArray<string>) =>
  EventStore.use((store) => Stream.runCount(store.read(EventFilter.categories([{ category, types }]))))

/** What is to be shipped, as the read model has it; told where it changed. */
const desk = Effect.fnUntraced(function* (told: string) {
  const { rows } = yield* ReadModel.list(ToShip, { where: { ready: true } })
  const now = rows.map(({ key, row }) => `${key} of ${row.customer} (${row.pieces})`).join(", ")
  if (now !== told && now !== "") hear("to ship")(now)
  return now
})

/** Follows shipping's own log until so many shipments have come to their end; half-way something may happen. */
const follow = Effect.fnUntraced(function* (orders: number, halfWay: Effect.Effect<void>) {
  let [told, hasHappened] = ["", false]
  while (true) {
    const ended = yield* count(Shipment.name, ["HandedOver", "Withdrawn"])
    told = yield* desk(told)
    if (ended >= orders) return
    if (!hasHappened && ended >= orders / 2) {
      hasHappened = true
      yield* halfWay
    }
    yield* Effect.sleep("100 millis")
  }
})

const program = Effect.fnUntraced(function* (orders: number, kill: boolean) {
  const { where, ...env } = yield* servers
  yield* Console.log(`${bold("relay")}: a shop tells its shipping of orders, each of them a process with its own log.`)
  yield* Console.log(dim(`This runs on ${where}.\n`))
  const shop = yield* Processes.start("orders", { ...env, ORDERS: String(orders) }, hear("orders"))
  const shipping = yield* Processes.start("shipping", env, hear("shipping"))
  const plain = yield* Processes.start("plain", env, hear("plain"))

  const crash = Effect.gen(function* () {
    hear("kill -9")("both are killed, and started again; what they held is theirs again when its leases have run out")
    yield* Effect.all([shop.crash, shipping.crash], { concurrency: 2 })
  })
  const on = (name: string) =>
    OnPostgres.layer(`relay_${name}`, { _tag: "Server", url: Redacted.make(env.DATABASE_URL) }, false)
  const taken = Effect.all([count(Order.name, ["Completed"]), count(Order.name, ["Cancelled"])])
  const shipped = Effect.all([count(Shipment.name, ["HandedOver"]), count(Shipment.name, ["Withdrawn"])])
  const followed = Effect.raceAllFirst([
    follow(orders, kill ? crash : Effect.void),
    ...[shop, shipping, plain].map(({ ended }) => ended)
  ])
  const [handedOver, withdrawn] = yield* Effect.provide(Effect.andThen(followed, shipped), on("shipping"))
  const [completed, cancelled] = yield* Effect.provide(taken, on("orders"))
  yield* Console.log(
    `\n${completed} orders completed, ${cancelled} cancelled; ${handedOver} shipped, ${withdrawn} withdrawn.`
  )
  yield* Console.log(dim("The code: packages/examples/src/relay."))
})

const relay = Command.make(
  "relay",
  {
    orders: Flag.Int("orders").pipe(Flag.withDescription("How many orders are taken"), Flag.withDefault(12)),
    kill: Flag.Boolean("kill").pipe(
      Flag.withDescription("Kill both services half-way by kill -9, and start them again"),
      Flag.withDefault(false)
    )
  },
  ({ kill, orders }) => Effect.scoped(program(orders, kill))
).pipe(Command.withDescription("Two services, two logs, and a bus on NATS between them"))

Command.run(relay, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
