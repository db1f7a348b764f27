// messageEvents: the events of a message as readers of the log get them, and as folding needs them.
import type { Json } from "effect/Schema"
import type { EventId } from "evolvent/EventId"
import type { EncodedRecorded, History } from "evolvent/EventStore"
import type { Metadata } from "evolvent/Metadata"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import type { StreamName } from "evolvent/StreamName"
import { endOf, linesOf } from "./eventMessage.ts"
import type { EventMessage, Named } from "./eventMessage.ts"

/** An event as a message holds it. */
interface Line {
  readonly id: EventId
  readonly type: string
  readonly schemaVersion: number
  readonly revision: number
  readonly recordedAt: number
  readonly data: Json
  readonly metadata: Metadata
}

/** All of a message at once: that costs less than to look for its parts. */
const parse = (message: EventMessage): ReadonlyArray<Line> => {
  const text = message.text()
  if (text.startsWith('[{"id":"')) {
    try {
      return JSON.parse(text) as ReadonlyArray<Line>
    } catch {
      // What is wrong with it is said below.
    }
  }
  throw new Error(`the message ${message.sequence} on ${message.subject} was not written by this library`)
}

/** The texts of a message's events, looked for when the first of them is asked for. */
class Texts {
  readonly #message: EventMessage
  #lines: ReadonlyArray<string> | undefined
  constructor(message: EventMessage) {
    this.#message = message
  }
  at(line: number): string {
    return (this.#lines ??= linesOf(this.#message))[line] ?? ""
  }
}

// A class for the texts, which nearly nobody asks for: who copies an event gets them as they were written.
class Stored implements EncodedRecorded {
  readonly #texts: Texts
  readonly #index: number
  readonly id: EventId
  readonly type: string
  readonly schemaVersion: number
  readonly stream: StreamName
  readonly category: string
  readonly revision: Revision.Revision
  readonly position: Position.Position
  readonly recordedAt: number
  readonly parsed: Line
  constructor(texts: Texts, index: number, line: Line, { category, stream }: Named, position: number) {
    this.#texts = texts
    this.#index = index
    this.id = line.id
    this.type = line.type
    this.schemaVersion = line.schemaVersion
    this.stream = stream
    this.category = category
    this.revision = Revision.make(line.revision)
    this.position = Position.make(position)
    this.recordedAt = line.recordedAt
    this.parsed = line
  }
  get data(): string {
    return this.#texts.at(4 * this.#index + 1)
  }
  get metadata(): string {
    return this.#texts.at(4 * this.#index + 3)
  }
}

/** The events of a message. */
export const decode = (message: EventMessage, named: Named, push: (event: EncodedRecorded) => void): void => {
  const lines = parse(message)
  const texts = new Texts(message)
  const start = endOf(message.sequence) - lines.length + 1
  for (let i = 0; i < lines.length; i++) push(new Stored(texts, i, lines[i] as Line, named, start + i))
}

/** The events of a message as folding needs them: those from a revision on and up to another. */
export const history = (message: EventMessage, from: number, until: number): History | undefined => {
  const all = parse(message)
  const first = all[0]?.revision ?? 0
  const skipped = Math.max(0, from - first)
  const end = Math.min(all.length, until - first + 1)
  if (skipped >= end) return undefined
  const events = skipped === 0 && end === all.length ? all : all.slice(skipped, end)
  const begin = endOf(message.sequence) - all.length + 1
  return {
    revision: Revision.make(first + skipped),
    types: events.map(({ type }) => type),
    schemaVersions: events.map(({ schemaVersion }) => schemaVersion),
    data: events.map(({ data }) => data),
    first: { id: events[0]?.id as EventId, position: Position.make(begin + skipped) },
    last: Position.make(begin + end - 1)
  }
}
