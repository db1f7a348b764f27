// Explained: the plans that a server really ran, statements within functions included, taken from its log.
import type { Server } from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Effect from "effect/Effect"
import { open, stat } from "node:fs/promises"

/** A node of a plan as PostgreSQL explains it. */
export interface Node {
  readonly "Node Type": string
  readonly "Relation Name"?: string
  readonly Schema?: string
  readonly "Actual Rows": number
  readonly "Actual Loops": number
  readonly "Rows Removed by Filter"?: number
  readonly "Rows Removed by Index Recheck"?: number
  readonly Plans?: ReadonlyArray<Node>
}

/** A statement that ran. */
export interface Explained {
  /** Its text, with one space where there was any. */
  readonly text: string
  readonly nodes: ReadonlyArray<Node>
  /** How many rows of the events it looked at, those that it then left out included. */
  readonly touched: number
}

/** One space for any white space. */
export const squeezed = (text: string): string => text.replaceAll(/\s+/g, " ").trim()

/** What makes every new session of a database explain its statements into the server's log. */
export const settings = (database: string): ReadonlyArray<string> =>
  Object.entries({
    session_preload_libraries: "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_verbose": "on",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_format": "json"
  }).map(([name, value]) => `ALTER DATABASE "${database}" SET ${name} = '${value}'`)

const flat = (node: Node): ReadonlyArray<Node> => [node, ...(node.Plans ?? []).flatMap(flat)]

const touches = (node: Node): number =>
  node["Relation Name"] !== "events"
    ? 0
    : (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0)) *
      node["Actual Loops"]

const entry = /duration: [\d.]+ ms {2}plan:\s*\n((?:\t.*\n)+)/g

/** What was written to a file since it had a size. */
const tail = async (path: string, size: number): Promise<string> => {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read({
    buffer: Buffer.alloc((await file.stat()).size - size),
    position: size
  })
  return buffer.toString("utf8", 0, bytesRead)
}

/** Runs an effect and gives the statements on the events that ran meanwhile. */
export const during = <A, E, R>(
  { logFile }: Server,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<ReadonlyArray<Explained>, E, R> =>
  Effect.gen(function* () {
    const { size } = yield* Effect.promise(() => stat(logFile))
    yield* effect
    const said = yield* Effect.promise(() => tail(logFile, size))
    return Array.from(said.matchAll(entry), ([, json = ""]) => {
      const found: { readonly "Query Text": string; readonly Plan: Node } = JSON.parse(json)
      const nodes = flat(found.Plan)
      return {
        text: squeezed(found["Query Text"]),
        nodes,
        touched: nodes.reduce((sum, node) => sum + touches(node), 0)
      }
    }).filter(({ nodes }) => nodes.some((node) => node["Relation Name"] === "events"))
  })
