// run: the command line as a whole, with its exit codes.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import packageJson from "../package.json" with { type: "json" }
import { Failure, misused } from "./failure.ts"
import { all } from "./globals.ts"
import { lookCommands } from "./lookCommands.ts"
import { say, shown } from "./output.ts"
import { withoutSecrets } from "./secrets.ts"
import { storeCommands } from "./storeCommands.ts"
import { workCommands } from "./workCommands.ts"

const evolvent = Command.make("evolvent").pipe(
  Command.withDescription(
    "Operate an event store. Exit codes: 0 done; 1 refused, failed, or something is wrong; 2 wrong use, nothing was done; " +
      "3 the store cannot be reached or cannot be used by this version; 130 interrupted."
  ),
  Command.withSubcommands([
    { group: "Look", commands: lookCommands },
    { group: "Processors", commands: workCommands },
    { group: "Store", commands: storeCommands }
  ]),
  Command.withGlobalFlags(all)
)

/** Wrong use is told on standard error, so that standard output holds results and nothing else. */
const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Effect.flatMap(CliOutput.Formatter, (formatter) =>
          Console.error(
            `${withoutSecrets(formatter.formatErrors(event.errors))}\n\nSee: ${event.commandPath.join(" ")} --help`
          )
        )
      : CliOutput.defaultPresenter.present(event)
}

/** A message as it can be printed: names that are stored may be in it, and addresses. */
const inLines = (message: string): string => withoutSecrets(message).split("\n").map(shown).join("\n  ")

const main = Command.run(evolvent, { version: packageJson.version }).pipe(
  Effect.catch((error) => {
    if (error instanceof Failure) {
      const told = error.kind === "gone" ? Effect.void : say(`evolvent: ${inLines(error.message)}\n`)
      return Effect.andThen(told, error.kind === "gone" ? Effect.void : Effect.fail(error))
    }
    // What was asked for was not understood, and that was told.
    return error._tag === "ShowHelp" && error.errors.length === 0 ? Effect.void : Effect.fail(misused(error.message))
  })
)

/**
 * Ends the process when what was printed is out, whatever a module of --app has left open: timers, connections. Who interrupts
 * it does not wait for a reader that has stopped.
 */
const teardown: Runtime.Teardown = (exit, onExit) =>
  Runtime.defaultTeardown(exit, (code) => {
    const { stdout } = process
    const end = () => {
      onExit(code)
      process.exit(code)
    }
    if (code === 130 || !stdout.writable) return end()
    stdout.on("error", end)
    stdout.write("", end)
  })

main.pipe(
  Effect.provide(
    Layer.provideMerge(Layer.merge(CliOutput.layerPresenter(presenter), TerminalCapabilities.layer), NodeServices.layer)
  ),
  NodeRuntime.runMain({ teardown })
)
