// transferProcess: a process that runs the transfers until it is killed.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Processor from "evolvent/Processor"
import * as Postgres from "../../src/Postgres.ts"
import { Transfer } from "./transferDomain.ts"

const connection = JSON.parse(process.argv[2] ?? "{}") as PgClient.PgClientConfig
process.on("disconnect", () => process.exit(0))

const store = Postgres.layerFrom().pipe(Layer.provide(PgClient.layer({ ...connection, maxConnections: 8 })))
const transfers = Processor.layer(Processor.manager(Transfer), { partitions: 4, lease: "500 millis" })
await Effect.runPromise(Layer.launch(Layer.provide(transfers, store)))
