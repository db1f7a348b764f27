// Histories: whole at every length, whatever lies in them, and at a moment.
import * as Effect from "effect/Effect"
import type { EventData } from "evolvent/EventData"
import type { History } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import type { StreamName } from "evolvent/StreamName"
import { describe, expect, it } from "vitest"
import { fresh, serve } from "./support/AppendStore.ts"

const { open } = await serve()
const store = await open({ maxConnections: 4 })
const { events, run } = store

interface Shape {
  readonly type: string
  readonly schemaVersion: number
  readonly data: { readonly n: number; readonly text: string }
}

// Compressed, and kept outside of its row.
const even = "x".repeat(9_000)
const uneven = Array.from({ length: 900 }, (_, i) => ((i * 48_271) % 2_147_483_647).toString(36)).join("")

/** Four pages and some: plain ones, large ones alone and in a row, other versions, and plain ones to the end. */
const shapeAt = (n: number): Shape => {
  const isLarge = n === 0 || n === 700 || (n >= 1500 && n < 1620) || n === 4499
  return {
    type: n % 7 === 0 ? 'Quoted "\\ ,\n' : "Counted",
    schemaVersion: n >= 2100 && n < 2110 ? 2 : 1,
    data: { n, text: isLarge ? (n % 2 === 0 ? even : uneven) : "small" }
  }
}
const length = 4500
const shapes = Array.from({ length }, (_, n) => shapeAt(n))

const stored = fresh()
await run(
  Effect.forEach(
    Array.from({ length: length / 500 }, (_, i) => shapes.slice(i * 500, (i + 1) * 500)),
    (some) => events.append(stored, some as ReadonlyArray<EventData>),
    { discard: true }
  )
)

const shapesOf = (histories: ReadonlyArray<History>) =>
  histories.flatMap(({ data, schemaVersions, types }) =>
    types.map((type, i) => ({ type, schemaVersion: schemaVersions[i], data: data[i] }))
  )

const historyOf = (stream: StreamName, from: number, limit: number, wanted = Infinity) =>
  Effect.suspend(() => {
    const histories: Array<History> = []
    const take = (history: History) => Effect.sync(() => histories.push(history) < wanted)
    return Effect.as(events.history(stream, take, { from: Revision.make(from), limit }), histories)
  })

describe("a history", () => {
  it.each([
    [0, Infinity],
    [0, 1],
    [0, 1024],
    [0, 1025],
    [1, 3000],
    [127, 130],
    [699, 3],
    [1024, 2048],
    [1400, 300],
    [1619, 500],
    [2105, Infinity],
    [4499, Infinity],
    [4500, Infinity]
  ])("from %s, %s of them, is the events that were appended, in order", async (from, limit) => {
    const histories = await run(historyOf(stored, from, limit))
    const expected = shapes.slice(from, from + limit)
    // Not by toEqual: what it would print is four megabytes.
    expect(shapesOf(histories).length).toBe(expected.length)
    expect(JSON.stringify(shapesOf(histories)) === JSON.stringify(expected)).toBe(true)
    let next = from
    for (const { revision, types } of histories) {
      expect(revision).toBe(next)
      next += types.length
    }
  })

  it("ends, and is whole up to where it was asked for, while others append as fast as it is read", async () => {
    const stream = fresh()
    const some = shapes.slice(2200, 2700)
    const append = events.append(stream, some as ReadonlyArray<EventData>)
    await run(Effect.repeat(append, { times: 4 }))
    let seen = 0
    const slowly = events.history(stream, ({ types }) => {
      seen += types.length
      return Effect.as(append, true)
    })
    await run(slowly)
    expect(seen).toBeGreaterThanOrEqual(2500)
    expect(seen).toBeLessThanOrEqual(4000)
  })

  it("is given up in its midst, and leaves no connection behind", async () => {
    for (let i = 0; i < 20; i++) {
      expect(await run(historyOf(stored, 0, Infinity, 1))).toHaveLength(1)
    }
    // Four connections: were one lost with each, nobody would get one.
    const all = await run(
      Effect.all(
        Array.from({ length: 8 }, () => historyOf(stored, 4000, 10)),
        { concurrency: "unbounded" }
      )
    )
    expect(all.map((histories) => shapesOf(histories).length)).toEqual(Array.from({ length: 8 }, () => 10))
  })

  it("is whole within a transaction, with what the transaction appended", async () => {
    const stream = fresh()
    const within = store.sql.withTransaction(
      Effect.gen(function* () {
        for (let i = 0; i < 5; i++) yield* events.append(stream, shapes.slice(2200, 2700) as ReadonlyArray<EventData>)
        return shapesOf(yield* historyOf(stream, 0, Infinity)).length
      })
    )
    expect(await run(within)).toBe(2500)
  })
})
