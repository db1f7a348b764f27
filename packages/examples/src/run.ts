// run: a story as a program, on the storage that its flags and DATABASE_URL name.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import type { Services } from "evolvent/Memory"
import * as Storage from "./storage.ts"

/** Runs the story of an example, which has a folder or a schema of this name. */
export const run = <E>(name: string, story: Effect.Effect<void, E, Services>): void => {
  const command = Command.make(name, Storage.flags, (choice) => Effect.provide(story, Storage.layer(name, choice)))
  Command.run(command, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
}
