// `pnpm retail`: the retail example on the storage that its flags and DATABASE_URL name.
import "effect/schema/SchemaJITCompiler/enable"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Storage from "../storage.ts"
import { retail } from "./app.ts"

Command.run(
  retail((choice) => Storage.layer("retail", choice)),
  { version: "0.1.0" }
).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
