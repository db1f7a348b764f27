// `pnpm retail`: the retail example over the in-memory services.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Command from "effect/cli/Command"
import * as Memory from "evolvent/Memory"
import * as SnapshotStore from "evolvent/SnapshotStore"
import { ReadModels, retail } from "./app.ts"

// An invoice has hundreds of rows at times, and each row is a command: without snapshots each would load all before it.
const Live = Layer.mergeAll(Layer.provideMerge(ReadModels, Memory.layer), SnapshotStore.layerPolicy({ every: 25 }))

Command.run(retail, { version: "0.1.0" }).pipe(Effect.provide([Live, NodeServices.layer]), NodeRuntime.runMain)
