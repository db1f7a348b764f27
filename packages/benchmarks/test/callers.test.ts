// The streams that peers append to: each caller its own at exact revisions, and seeds that lie mixed.
import { describe, expect, it } from "vitest"
import { makeCallers, seedTurns } from "../src/peers/callers.ts"

describe("own streams", () => {
  it("go on at the next revision and end after twenty appends", () => {
    const [next] = makeCallers()(1, 10, { _tag: "Own" })
    const appends = Array.from({ length: 21 }, () => next?.())
    expect(appends.slice(0, 20).map((append) => append?.revision)).toEqual(Array.from({ length: 20 }, (_, i) => i * 10))
    expect(new Set(appends.slice(0, 20).map((append) => append?.stream)).size).toBe(1)
    expect(appends[20]?.revision).toBe(0)
    expect(appends[20]?.stream).not.toBe(appends[0]?.stream)
  })

  it("are no other caller's, and no other run's", () => {
    const callers = makeCallers()
    const streams = [...callers(16, 1, { _tag: "Own" }), ...callers(16, 1, { _tag: "Own" })].map(
      (next) => next().stream
    )
    expect(new Set(streams).size).toBe(32)
  })
})

describe("old streams", () => {
  it("are those that are stored, at any revision", () => {
    const [next] = makeCallers()(1, 1, { _tag: "Old", streams: 3 })
    const appends = Array.from({ length: 100 }, () => next?.())
    expect(new Set(appends.map((append) => append?.stream))).toEqual(
      new Set(["Ledger-old0", "Ledger-old1", "Ledger-old2"])
    )
    expect(appends.every((append) => append?.revision === undefined)).toBe(true)
  })
})

describe("a seed", () => {
  const request = { op: "seed", streams: 2, length: 5, batch: 2, prefix: "s" } as const

  it("fills its streams in turns, without a hole", () => {
    const appends = [...seedTurns(request)]
      .flat()
      .map(({ count, event, revision, stream }) => [stream, revision, count, event])
    expect(appends).toEqual([
      ["Ledger-s0", 0, 2, 0],
      ["Ledger-s1", 0, 2, 2],
      ["Ledger-s0", 2, 2, 4],
      ["Ledger-s1", 2, 2, 6],
      ["Ledger-s0", 4, 1, 8],
      ["Ledger-s1", 4, 1, 9]
    ])
  })
})
