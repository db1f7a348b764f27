// parked: what processors have set aside, why, and what a person does about it: have it tried again, or give it up.
import * as Effect from "effect/Effect"
import * as Processor from "evolvent/Processor"
import { onStore } from "./connection.ts"
import { consent } from "./consent.ts"
import { asJson } from "./events.ts"
import { failed } from "./failure.ts"
import * as known from "./known.ts"
import { count, number, result, shown, style, table } from "./output.ts"
import { eventIdOf } from "./show.ts"

interface Entry {
  readonly by: known.Known
  readonly parked: Processor.ParkedEvent
}

const entriesOf = (by: known.Known) =>
  Effect.map(Processor.parked(by), (all) => all.map((parked): Entry => ({ by, parked })))

const documentOf = ({ by, parked: { attempts, event, eventId, isRequested, key, problem } }: Entry) => ({
  processor: by.checkpoint,
  eventId,
  key,
  attempts,
  isRequested,
  problem,
  event: event === undefined ? null : asJson(event)
})

const columns = [
  { name: "processor" },
  { name: "event" },
  { name: "type" },
  { name: "stream" },
  { name: "key" },
  { name: "tries", align: "right" },
  { name: "problem" }
] as const

const short = (problem: string): string => {
  const [first = ""] = problem.split("\n")
  return first.length > 100 || first !== problem ? `${first.slice(0, 100)}…` : first
}

/** Lists what is parked, by one processor or by all. */
export const list = ({ processor }: { readonly processor: string | undefined }) =>
  onStore(
    Effect.gen(function* () {
      const all = processor === undefined ? yield* known.all(undefined) : [yield* known.one(processor)]
      const entries = (yield* Effect.forEach(all, entriesOf, { concurrency: 4 })).flat()
      const rows = entries.map(({ by, parked: { attempts, event, eventId, isRequested, key, problem } }) => [
        by.checkpoint,
        eventId,
        event?.type ?? "(gone)",
        event === undefined ? "" : `${event.stream} ${event.revision}`,
        key,
        number(attempts),
        isRequested ? `to be tried again: ${short(problem)}` : short(problem)
      ])
      const text = rows.length === 0 ? Effect.succeed("Nothing is parked.\n") : table(columns, rows)
      yield* result(entries.map(documentOf), text)
    })
  )

/** Shows a parked event in full, for each key under which it is parked. */
export const show = (input: { readonly processor: string; readonly id: string }) =>
  Effect.flatMap(eventIdOf(input.id), (id) =>
    onStore(
      Effect.gen(function* () {
        const by = yield* known.one(input.processor)
        const entries = (yield* entriesOf(by)).filter(({ parked }) => parked.eventId === id)
        if (entries.length === 0) return yield* notParked(by, id)
        const { bold } = yield* style
        const texts = entries.map(({ parked: { attempts, event, eventId, isRequested, key, problem } }) => {
          const tried =
            attempts === 0 ? "never tried: an earlier event of its key failed" : `tried ${count(attempts, "time")}`
          const place = event === undefined ? "It is not in its stream any more." : `${event.stream} ${event.revision}`
          return [
            `${bold(shown(event?.type ?? "event"))}  ${eventId}`,
            `  parked by  ${shown(by.checkpoint)}, key ${shown(key)}, ${tried}${isRequested ? ", to be tried again" : ""}`,
            `  stream     ${shown(place)}`,
            `  problem    ${problem.split("\n").map(shown).join("\n             ")}`,
            ...(event === undefined
              ? []
              : JSON.stringify(event.data, null, 2)
                  .split("\n")
                  .map((one) => `  ${shown(one)}`)),
            ""
          ].join("\n")
        })
        yield* result(entries.map(documentOf), texts.join("\n"))
      })
    )
  )

const notParked = (by: known.Known, id: string) =>
  failed(`The event ${id} is not parked by ${by.checkpoint}; \`evolvent parked list\` shows what is.`)

/** Asks for parked events to be tried again; whoever runs the processor does it. */
export const retry = (input: { readonly processor: string; readonly key: string | undefined }) =>
  onStore(
    Effect.gen(function* () {
      const { key } = input
      const by = yield* known.one(input.processor)
      const keys = yield* Processor.retry(by, key === undefined ? {} : { key })
      if (keys.length === 0) {
        return yield* failed(
          `${by.checkpoint} has parked nothing${key === undefined ? "" : ` of the key ${JSON.stringify(key)}`}; ` +
            `\`evolvent parked list\` shows what is.`
        )
      }
      const { holders } = yield* Processor.status(by)
      const nobody = holders.length === 0 ? " Nobody runs it now: it is done when somebody does." : ""
      const text = `${count(keys.length, "key")} of ${by.checkpoint} will be tried again: ${keys.map(shown).join(", ")}.${nobody}\n`
      yield* result({ processor: by.checkpoint, keys, isRunning: holders.length > 0 }, text)
    })
  )

/** Gives a parked event up for good. */
export const drop = (input: { readonly processor: string; readonly id: string; readonly yes: boolean }) =>
  Effect.gen(function* () {
    const id = yield* eventIdOf(input.id)
    yield* consent(input.yes, `The event ${id} will never be handled by ${input.processor}; that cannot be taken back.`)
    yield* onStore(
      Effect.gen(function* () {
        const by = yield* known.one(input.processor)
        const dropped = (yield* entriesOf(by)).filter(({ parked }) => parked.eventId === id)
        if (dropped.length === 0) return yield* notParked(by, id)
        const keys = new Set(dropped.map(({ parked }) => parked.key))
        yield* Processor.drop(by, id)
        const behind = (yield* entriesOf(by)).filter(({ parked }) => keys.has(parked.key)).length
        const rest =
          behind === 0 ? "" : ` What is parked behind it waits for \`evolvent parked retry ${by.checkpoint}\`.`
        const text = `${by.checkpoint} will not handle the event ${id}.${rest}\n`
        yield* result({ processor: by.checkpoint, dropped: id, parked: behind }, text)
      })
    )
  })
