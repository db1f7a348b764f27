// The peer "ours": the event store on PostgreSQL as an application uses it, through its public modules.
import * as Postgres from "@evolvent/postgres/Postgres"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import { EventStore } from "evolvent/EventStore"
import { append, load, seed } from "./oursAppending.ts"
import { projectCounts } from "./oursProjecting.ts"
import { readAll, replay } from "./oursReading.ts"
import type { Peer } from "./protocol.ts"
import { serve } from "./serve.ts"

const makeRuntime = (url: string) =>
  ManagedRuntime.make(Postgres.layer({ url: Redacted.make(url), maxConnections: 10 }))

let runtime: ReturnType<typeof makeRuntime> | undefined
const opened = (): ReturnType<typeof makeRuntime> => {
  if (runtime === undefined) throw new Error("The peer was not opened.")
  return runtime
}

const peer: Peer = {
  open: async (url) => {
    runtime = makeRuntime(url)
    await runtime.runPromise(EventStore)
  },
  seed: (request) => opened().runPromise(seed(request)),
  append: (request) => opened().runPromise(append(request)),
  load: (request) => opened().runPromise(load(request)),
  read: (request) => opened().runPromise(readAll(request.events)),
  project: (request) => opened().runPromise(projectCounts(request)),
  replay: (request) => opened().runPromise(replay(request)),
  close: async () => runtime?.dispose()
}

serve(peer)
