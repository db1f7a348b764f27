// busHeaders: texts of any shape and metadata as headers of a message, for readers in any language, and back.
import type { Json } from "effect/Schema"
import * as Metadatas from "evolvent/Metadata"
import type { Metadata } from "evolvent/Metadata"
import type { Headers } from "../NatsClient.ts"

/** Gives the value of a header, by its exact name. */
export type Header = (name: string) => string | undefined

// What a line of the protocol, or somebody's reader of it, could take for something else.
// oxlint-disable-next-line no-control-regex
const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/
const unsafeInJson = /[\u007f-\u009f\u2028\u2029\ufeff]/g

const escaped = (json: string): string =>
  json.replace(unsafeInJson, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`)

/**
 * A text as the value of a header: itself, or a JSON string where it would not come back as it is. So a value that begins
 * with a double quote is a JSON string, and every other one is the text.
 */
export const valueOf = (text: string): string =>
  text === "" || text.startsWith('"') || unsafe.test(text) || text.trim() !== text || !text.isWellFormed()
    ? escaped(JSON.stringify(text))
    : text

const parsed = (value: string): Json | undefined => {
  try {
    return JSON.parse(value) as Json
  } catch {
    return undefined
  }
}

/** The text of a header, from whomever it is. */
export const textOf = (value: string | undefined): string | undefined => {
  if (value === undefined || !value.startsWith('"')) return value
  const text = parsed(value)
  return (typeof text === "string" ? text : value).toWellFormed()
}

/** The parts of metadata that others may want to look at. */
const named: ReadonlyArray<readonly [field: string, header: string]> = [
  ["correlationId", "Ev-Correlation-Id"],
  ["causationId", "Ev-Causation-Id"],
  ["actor", "Ev-Actor"],
  ["traceparent", "traceparent"],
  ["tracestate", "tracestate"]
]
const headerOf = new Map(named)
const others = "Ev-Metadata"

const objectOf = (json: Json | undefined): Readonly<Record<string, Json>> =>
  typeof json === "object" && json !== null && !Array.isArray(json) ? (json as Readonly<Record<string, Json>>) : {}

/** Metadata as headers: one for each part that has a name here, and one for the rest, as JSON. */
export const ofMetadata = (metadata: string): Headers => {
  if (metadata === "{}") return []
  const headers: Array<readonly [string, string]> = []
  const rest: Array<readonly [string, Json]> = []
  for (const [field, value] of Object.entries(objectOf(parsed(metadata)))) {
    const header = headerOf.get(field)
    if (header !== undefined && typeof value === "string") headers.push([header, valueOf(value)])
    else rest.push([field, value])
  }
  if (rest.length > 0) headers.push([others, escaped(JSON.stringify(Object.fromEntries(rest)))])
  return headers
}

/** The metadata in headers. */
export const metadataOf = (header: Header): Metadata => {
  const rest = header(others)
  const fields = rest === undefined ? [] : Object.entries(objectOf(parsed(rest)))
  for (const [field, name] of named) {
    const text = textOf(header(name))
    if (text !== undefined) fields.push([field, text])
  }
  return fields.length === 0 ? Metadatas.empty : Object.fromEntries(fields)
}
