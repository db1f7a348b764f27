// quiet: what a layer has to say when it starts is for `doctor`; standard output is for results, and errors go to the other.
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"

/** Logs of errors only, and not on standard output. */
export const quiet = Layer.mergeAll(
  Layer.succeed(Logger.LogToStderr, true),
  Layer.succeed(References.MinimumLogLevel, "Error" as const)
)
