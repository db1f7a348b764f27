// The fingerprint of a schema's stored form and a version: it changes when either does.
import * as Schema from "effect/Schema"
import type { Json } from "effect/Schema"
import { canonical } from "./json.ts"
import { hexDigest } from "./sha256.ts"

/** 32 hexadecimal digits of the JSON Schema of what is stored, and the version. */
export const fingerprintOf = (schema: Schema.Constraint, version: number): string => {
  const document = Schema.toJsonSchemaDocument(Schema.toCodecJson(schema))
  // Through text, so that what JSON does not hold (undefined) cannot differ between equal documents.
  const shape = canonical(JSON.parse(JSON.stringify(document)) as Json)
  return hexDigest(`${version}:${shape}`).slice(0, 32)
}
