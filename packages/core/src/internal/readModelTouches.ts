// Which rows of a projection events touch, and which events can touch a row: what a live query reads of the log.
import * as Result from "effect/Result"
import * as EventFilter from "../EventFilter.ts"
import type { Page } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import * as Position from "../Position.ts"
import type { Projection } from "../Projection.ts"
import * as StreamName from "../StreamName.ts"
import { undecodable } from "./load.ts"
import { decoder } from "./projectionFold.ts"
import * as remade from "./readModelRemade.ts"
import { describe } from "./thrown.ts"

/** An event: the keys of the rows that it may have changed, and where it stands. */
export interface Touch {
  readonly keys: ReadonlyArray<string>
  readonly position: Position.Position
  /** Whether it says that these rows have been changed without an event of theirs. */
  readonly isRemade?: boolean
  /** The rebuild that has replaced all rows. */
  readonly rebuild?: string
}

/** What is left to do of a page: `refused` is an event behind the touches that this process does not understand. */
export interface Work {
  readonly touches: ReadonlyArray<Touch>
  readonly refused: { readonly error: EventStoreError; readonly position: Position.Position } | undefined
  readonly through: Position.Position
}

/** Which events can change the rows in question; where a key is a stream's id these are of that stream alone. */
export const filterOf = <Name extends string, Row, Index extends string>(
  { filter, from, isKeyedByStream }: Projection<Name, Row, Index>,
  key: string | undefined
): EventFilter.EventFilter => {
  const [source] = from
  if (key === undefined || !isKeyedByStream || source === undefined || from.length > 1) return remade.and(filter)
  const stream = StreamName.fromParts(source.name, key)
  return Result.isSuccess(stream) ? EventFilter.stream(stream.success) : remade.and(filter)
}

/** What must be known of a projection to find the rows that an event touches, whatever these rows are. */
export type Touching = Pick<
  Projection<string, unknown, string>,
  "name" | "version" | "from" | "filter" | "handles" | "removals" | "keys"
>

/** Finds the keys that the events of a page touch. */
export const toucher = (projection: Touching, key: string | undefined) => {
  const handles = EventFilter.predicate(projection.filter)
  const decode = decoder(projection)
  const find = remade.finder(projection)
  return ({ events, through }: Page): Work => {
    const touches: Array<Touch> = []
    for (const event of events) {
      const { position } = event
      const found = find(event)
      if (found !== undefined) {
        if (key !== undefined) {
          if ("rebuild" in found || found.keys.includes(key)) touches.push({ keys: [key], position, isRemade: true })
        } else if ("keys" in found) touches.push({ keys: found.keys, position, isRemade: true })
        else touches.push({ keys: [], position, isRemade: true, rebuild: found.rebuild })
      }
      if (!handles(event)) continue
      const refuse = (error: EventStoreError): Work => ({ touches, refused: { error, position }, through })
      const decoded = decode(event)
      if (Result.isFailure(decoded)) return refuse(decoded.failure)
      try {
        const keys = [...new Set(decoded.success.flatMap((today) => projection.keys(today)))]
        if (key === undefined ? keys.length > 0 : keys.includes(key)) {
          touches.push({ keys: key === undefined ? keys : [key], position })
        }
      } catch (thrown) {
        return refuse(
          undecodable(`Projection "${projection.name}"`, event, {
            problem: `the projection's key threw ${describe(thrown)}`
          })
        )
      }
    }
    return { touches, refused: undefined, through }
  }
}

/** The parts of a piece of work: what was remade is told without waiting for the processor, and what is before it first. */
export const apart = (work: Work): ReadonlyArray<Work> => {
  const parts: Array<Work> = []
  let touches: Array<Touch> = []
  for (const touch of work.touches) {
    if (touch.isRemade !== true) {
      touches.push(touch)
      continue
    }
    if (touches.length > 0) parts.push({ touches, refused: undefined, through: Position.make(touch.position - 1) })
    touches = []
    parts.push({ touches: [touch], refused: undefined, through: touch.position })
  }
  return [...parts, { ...work, touches }]
}
