// Which rows of a projection events touch, and which events can touch a row: what a live query reads of the log.
import * as Result from "effect/Result"
import * as EventFilter from "../EventFilter.ts"
import type { Page } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import type { Position } from "../Position.ts"
import type { Projection } from "../Projection.ts"
import * as StreamName from "../StreamName.ts"
import { undecodable } from "./load.ts"
import { decoder } from "./projectionFold.ts"
import { describe } from "./thrown.ts"

/** An event: the keys of the rows that it may have changed, and where it stands. */
export interface Touch {
  readonly keys: ReadonlyArray<string>
  readonly position: Position
}

/** What is left to do of a page: `refused` is an event behind the touches that this process does not understand. */
export interface Work {
  readonly touches: ReadonlyArray<Touch>
  readonly refused: { readonly error: EventStoreError; readonly position: Position } | undefined
  readonly through: Position
}

/** Which events can change the rows in question: where a key is a stream's id, those of that stream. */
export const filterOf = <Name extends string, Row, Index extends string>(
  { filter, from, isKeyedByStream }: Projection<Name, Row, Index>,
  key: string | undefined
): EventFilter.EventFilter => {
  const [source] = from
  if (key === undefined || !isKeyedByStream || source === undefined || from.length > 1) return filter
  const stream = StreamName.fromParts(source.name, key)
  return Result.isSuccess(stream) ? EventFilter.stream(stream.success) : filter
}

/** Finds the keys that the events of a page touch. */
export const toucher = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  key: string | undefined
) => {
  const handles = EventFilter.predicate(projection.filter)
  const decode = decoder(projection)
  return ({ events, through }: Page): Work => {
    const touches: Array<Touch> = []
    for (const event of events) {
      if (!handles(event)) continue
      const { position } = event
      const refuse = (error: EventStoreError): Work => ({ touches, refused: { error, position }, through })
      const decoded = decode(event)
      if (Result.isFailure(decoded)) return refuse(decoded.failure)
      try {
        const keys = projection.keys(decoded.success)
        if (key === undefined ? keys.length > 0 : keys.includes(key)) {
          touches.push({ keys: key === undefined ? keys : [key], position })
        }
      } catch (thrown) {
        return refuse(
          undecodable(`Projection "${projection.name}"`, event, `the projection's key threw ${describe(thrown)}`)
        )
      }
    }
    return { touches, refused: undefined, through }
  }
}
