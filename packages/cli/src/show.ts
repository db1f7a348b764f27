// show: one event in full, what caused it and what it led to.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Audit from "evolvent/Audit"
import * as EventFilter from "evolvent/EventFilter"
import * as EventId from "evolvent/EventId"
import { onStore } from "./connection.ts"
import { asJson } from "./events.ts"
import { failed, misused } from "./failure.ts"
import { result, shown, style } from "./output.ts"
import { streamOf } from "./selection.ts"

/** An event's id on the command line. */
export const eventIdOf = (text: string) => {
  const id = text.toLowerCase()
  return EventId.isEventId(id)
    ? Effect.succeed(id)
    : Effect.fail(
        misused(`An event's id is a UUID such as 0198c2a4-7d3e-7abc-8def-0123456789ab, not ${JSON.stringify(text)}.`)
      )
}

interface NodeJson {
  readonly event: ReturnType<typeof asJson>
  readonly effects: ReadonlyArray<NodeJson>
}

const nodeJson = ({ effects, event }: Audit.Node): NodeJson => ({
  event: asJson(event),
  effects: effects.map(nodeJson)
})

/** Prints an event and its tree. */
export const show = Effect.fnUntraced(function* (input: {
  readonly id: string
  readonly stream: string | undefined
  readonly system: boolean
}) {
  const id = yield* eventIdOf(input.id)
  const stream = input.stream === undefined ? {} : { stream: yield* streamOf(input.stream) }
  const filter = EventFilter.all({ system: input.system })
  const where = input.stream === undefined ? "in this store" : `in stream ${shown(input.stream)}`
  const tree = yield* onStore(
    Effect.catchTag(Audit.tree(id, { filter, ...stream }), "EventNotFound", () =>
      failed(
        `There is no event ${id} ${where}. Compare the id; where it is right, its stream was archived, or it is of another store.${input.system ? "" : " --system looks at the library's own events, too."}`
      )
    )
  )
  const { causes, effects, event, hasMore, missing, orphans } = tree
  const document = {
    event: asJson(event),
    causes: causes.map(asJson),
    missing: missing ?? null,
    effects: effects.map(nodeJson),
    orphans: orphans.map(nodeJson),
    hasMore
  }
  const { bold, dim } = yield* style
  const facts: ReadonlyArray<readonly [string, string]> = [
    ["stream", `${event.stream}, revision ${event.revision}`],
    ["position", String(event.position)],
    ["recorded at", DateTime.formatIso(event.recordedAt)],
    ["version", String(event.schemaVersion)],
    ...Object.entries(event.metadata).map(([name, value]): readonly [string, string] => [
      name,
      typeof value === "string" ? value : JSON.stringify(value)
    ])
  ]
  const width = Math.max(...facts.map(([name]) => name.length))
  const text = [
    `${bold(shown(event.type))}  ${event.id}`,
    ...facts.map(([name, value]) => `  ${dim(shown(name).padEnd(width))}  ${shown(value)}`),
    ...JSON.stringify(event.data, null, 2)
      .split("\n")
      .map((one) => `  ${shown(one)}`),
    "",
    Audit.render(tree),
    ""
  ].join("\n")
  yield* result(document, text)
})
