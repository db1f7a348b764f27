// processors: who follows the log: how far each is, who works on it, what it stopped on, what it has parked.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Processor from "evolvent/Processor"
import { onStore } from "./connection.ts"
import { isJson } from "./globals.ts"
import * as known from "./known.ts"
import { line, number, print, style, table } from "./output.ts"

/** Where a processor stands. */
export interface Standing {
  readonly known: known.Known
  readonly status: Processor.Status
}

/** Where all processors stand. */
export const standings = (app: string | undefined) =>
  Effect.flatMap(known.all(app), (all) =>
    Effect.forEach(all, (one) => Effect.map(Processor.status(one), (status): Standing => ({ known: one, status })), {
      concurrency: 4
    })
  )

const documentOf = ({ known: { checkpoint, kind, name }, status }: Standing) => {
  const { head, holders, lag, obstacle, parked, position, rate, stopped } = status
  return {
    name,
    kind,
    checkpoint,
    state: stateOf(status),
    position,
    head,
    lag: lag === undefined ? null : { events: lag.events, ageMillis: Duration.toMillis(lag.age) },
    rate: rate ?? null,
    stopped: stopped === undefined ? null : { ...stopped },
    parked,
    holders,
    obstacle:
      obstacle === undefined
        ? null
        : { position: obstacle.position, by: obstacle.by, ageMillis: Duration.toMillis(obstacle.age) }
  }
}

/** What a processor does, in a word. */
export const stateOf = ({ holders, lag, stopped }: Processor.Status): "stopped" | "idle" | "current" | "behind" =>
  stopped !== undefined ? "stopped" : holders.length === 0 ? "idle" : lag === undefined ? "current" : "behind"

const spanOf = (age: Duration.Duration): string => {
  const seconds = Duration.toSeconds(age)
  const [unit, name] = [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"]
  ].find(([unit]) => seconds >= Number(unit)) ?? [1, "s"]
  return `${Math.floor(seconds / Number(unit))} ${name}`
}

const columns = [
  { name: "kind" },
  { name: "processor" },
  { name: "state" },
  { name: "position", align: "right" },
  { name: "lag", align: "right" },
  { name: "oldest", align: "right" },
  { name: "parked", align: "right" },
  { name: "held by (slots of 16)" },
  { name: "stopped because" }
] as const

const textOf = (all: ReadonlyArray<Standing>) =>
  Effect.gen(function* () {
    const { red, yellow } = yield* style
    if (all.length === 0) return "No processor has ever run on this store.\n"
    const rows = all.map(({ known: { kind, name }, status }) => {
      const { holders, lag, parked, position, stopped } = status
      return [
        kind,
        name,
        stateOf(status),
        number(position),
        lag === undefined ? "0" : `≤ ${number(lag.events)}`,
        lag === undefined ? "" : spanOf(lag.age),
        number(parked),
        holders.map(({ holder, slots }) => `${holder} (${slots})`).join(", "),
        stopped?.problem ?? ""
      ]
    })
    const head = all[0]?.status.head ?? 0
    const held = all.find(({ status }) => status.obstacle !== undefined)?.status.obstacle
    const obstacle =
      held === undefined
        ? ""
        : `An append by ${held.by}, open for ${spanOf(held.age)}, holds all readers up behind position ${number(held.position)}.\n`
    const text = yield* table(columns, rows, (row, text) => {
      const status = all[row]?.status
      return status?.stopped !== undefined ? red(text) : (status?.parked ?? 0) > 0 ? yellow(text) : text
    })
    return `${text}The head of the log is at position ${number(head)}.\n${obstacle}`
  })

/** Prints where all processors stand, once or again and again. */
export const processors = ({ app, every, watch }: { app: string | undefined; every: number; watch: boolean }) =>
  onStore(
    Effect.gen(function* () {
      const json = yield* isJson
      const isTerminal = yield* Stdio.Stdio.use(({ stdoutIsTerminal }) => stdoutIsTerminal)
      const once = Effect.flatMap(standings(app), (all) =>
        json
          ? print(line(all.map(documentOf)))
          : Effect.flatMap(textOf(all), (text) => print(watch && isTerminal ? `\u001b[2J\u001b[H${text}` : text))
      )
      if (!watch) return yield* once
      return yield* Effect.forever(Effect.andThen(once, Effect.sleep(Duration.seconds(every))))
    })
  )
