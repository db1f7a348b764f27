// application: the projections and processors that a module of an application exports.
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"
import type { EventFilter } from "evolvent/EventFilter"
import type { Projection } from "evolvent/Projection"
import { failed, misused } from "./failure.ts"
import type { Failure } from "./failure.ts"

/** A projection of an application, whatever its rows are. */
export type AnyProjection = Projection<string, object, string>

/** A processor, as far as it matters here: where its checkpoints are, and what it reads. */
export interface Reader {
  readonly name: string
  readonly checkpoint: string
  readonly filter: EventFilter
}

/** What a module exports. */
export interface Application {
  readonly path: string
  readonly projections: ReadonlyArray<AnyProjection>
  readonly readers: ReadonlyArray<Reader>
}

const has = (value: object, ...names: ReadonlyArray<string>): boolean => names.every((name) => name in value)

const isFilter = (value: unknown): boolean => typeof value === "object" && value !== null && "_tag" in value

const isProjection = (value: object): value is AnyProjection =>
  has(value, "name", "version", "filter", "row", "codec", "table", "step", "keys") &&
  "filter" in value &&
  isFilter(value.filter)

const isReader = (value: object): value is Reader =>
  has(value, "name", "takes", "prepare", "handle") &&
  "checkpoint" in value &&
  typeof value.checkpoint === "string" &&
  "filter" in value &&
  isFilter(value.filter)

/** Whether it is a definition; what cannot even be looked into, such as a proxy that throws, is none. */
const isDefinition = (value: unknown): value is object => {
  if (typeof value !== "object" || value === null) return false
  try {
    return isProjection(value) || isReader(value)
  } catch {
    return false
  }
}

const valuesOf = (value: unknown): ReadonlyArray<unknown> => {
  try {
    return typeof value === "object" && value !== null ? Object.values(value) : []
  } catch {
    return []
  }
}

/** The definitions among what is exported, also in arrays and records one level down. */
const definitions = (exported: ReadonlyArray<unknown>): ReadonlyArray<object> =>
  exported.flatMap((value) => (isDefinition(value) ? [value] : valuesOf(value).filter(isDefinition)))

const inWords = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Loads a module: TypeScript, too, where this Node takes it. */
export const load = (path: string): Effect.Effect<Application, Failure> =>
  Effect.gen(function* () {
    const url = pathToFileURL(resolve(path)).href
    const exported: Record<string, unknown> = yield* Effect.tryPromise({
      try: () => import(url),
      catch: (cause) => misused(`The module of --app, ${path}, cannot be loaded: ${inWords(cause)}`)
    })
    const all = definitions(Object.values(exported))
    const projections = all.filter(isProjection)
    const readers = [
      ...all.filter(isReader),
      ...projections.map(({ filter, name, version }) => ({ name, filter, checkpoint: `projection/${name}@${version}` }))
    ]
    return { path, projections, readers }
  })

/** The projection of a name, or of a name and a version as in `balances@2`. */
export const projectionOf = (
  { path, projections }: Application,
  asked: string
): Effect.Effect<AnyProjection, Failure> => {
  const found = projections.filter(({ name, version }) => name === asked || `${name}@${version}` === asked)
  const [first] = found
  if (first !== undefined && new Set(found).size === 1) return Effect.succeed(first)
  const names = projections.map(({ name, version }) => `${name}@${version}`).join(", ")
  return Effect.fail(
    first === undefined
      ? failed(`${path} exports no projection "${asked}"; ${names === "" ? "it exports none" : `it exports ${names}`}.`)
      : new Set(found.map(({ version }) => version)).size === 1
        ? misused(`${path} exports two different projections "${asked}" of one version: give one of them another name.`)
        : misused(`${path} exports several versions of "${asked}": say which of ${names}.`)
  )
}
