// A process that opens a store, which migrates, and says that it has begun. Its argument: the connection and the schema.
import * as Effect from "effect/Effect"
import { EventStore } from "evolvent/EventStore"
import * as Postgres from "../../src/Postgres.ts"

const options: Postgres.Options = JSON.parse(process.argv[2] ?? "{}")
await Effect.runPromise(
  Effect.provide(
    EventStore.use(({ head }) => head),
    Postgres.layer(options)
  )
)
console.log("begun")
