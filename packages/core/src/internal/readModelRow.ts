// A stored row as its projection's schema understands it.
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import type { Projection } from "../Projection.ts"
import { ReadModelStoreError, UndecodableRow } from "../ReadModelStore.ts"

/** The row of a stored text; the operation is for the error of one that the schema refuses. */
export const decode = <Name extends string, Row, Index extends string>(
  operation: string,
  projection: Projection<Name, Row, Index>,
  key: string,
  text: string
): Result.Result<Row, ReadModelStoreError> =>
  Result.mapError(
    projection.codec.decode(JSON.parse(text) as Json),
    (problem) =>
      new ReadModelStoreError({ operation, reason: new UndecodableRow({ projection: projection.name, key, problem }) })
  )
