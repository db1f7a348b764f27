// Runs the story of the transfer and lets it be watched: `node packages/examples/src/observe/main.ts --store memory --port 9464`.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Layer } from "effect"
import { Command, Flag } from "effect/cli"
import * as Storage from "../storage.ts"
import { story } from "../transfer/app.ts"
import { Observed } from "./app.ts"
import * as Telemetry from "./telemetry.ts"

const port = Flag.Int("port").pipe(Flag.withDescription("Where Prometheus finds /metrics"), Flag.withDefault(9464))

const command = Command.make("observe", { ...Storage.flags, port }, ({ port, ...choice }) =>
  Effect.gen(function* () {
    yield* story
    yield* Console.log(
      `Metrics: http://127.0.0.1:${port}/metrics. Traces: to OTEL_EXPORTER_OTLP_ENDPOINT. Ctrl+C ends it.`
    )
    return yield* Effect.never
  }).pipe(
    Effect.provide(
      Observed.pipe(
        Layer.provideMerge(Storage.layer("transfer", choice)),
        Layer.provideMerge(Telemetry.layerPrometheus(port)),
        Layer.provideMerge(Telemetry.layerOtlp)
      )
    )
  )
)

Command.run(command, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
