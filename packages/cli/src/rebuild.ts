// rebuild: makes a projection's rows anew while the old ones are read, as its application defines it.
import * as Effect from "effect/Effect"
import * as Processor from "evolvent/Processor"
import * as application from "./application.ts"
import { onStore } from "./connection.ts"
import { count, result } from "./output.ts"
import { show } from "./progress.ts"

/** Rebuilds a projection of an application; interrupted, it goes on from there when it is called again. */
export const rebuild = (input: { readonly projection: string; readonly app: string; readonly partitions: number }) =>
  Effect.gen(function* () {
    const projection = yield* Effect.flatMap(application.load(input.app), (app) =>
      application.projectionOf(app, input.projection)
    )
    const { name, version } = projection
    const steps = Processor.rebuild(projection, { partitions: input.partitions })
    const last = yield* onStore(show(steps, ({ phase }) => (phase === "switching" ? "switching: " : "")))
    const positions = last?.done ?? 0
    const text = `The read model ${name}@${version} was rebuilt from ${count(positions, "position")}; the new rows are read from now on.\n`
    yield* result({ projection: name, version, positions, phase: last?.phase ?? null }, text)
  })
