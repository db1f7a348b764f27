// Rounds in turn, and the verdict of their ratios.
import { describe, expect, it } from "vitest"
import { parse } from "../src/options.ts"
import { inTurn, median, rowsOf } from "../src/rounds.ts"
import type { Measured } from "../src/rounds.ts"

const at = (rate: number): Measured => ({ rate, cpuMicros: 1, p99: 0 })

describe("rounds", () => {
  it("begin with another peer each time", async () => {
    const order: Array<string> = []
    const peer = (name: string) => async () => {
      order.push(name)
      return at(1)
    }
    const peers = new Map([
      ["ours", peer("o")],
      ["emmett", peer("e")],
      ["pg", peer("p")]
    ] as const)
    await inTurn(peers, 4)
    expect(order.join("")).toBe("oepepopoeoep")
  })

  it("are judged by the median of their ratios, not by the ratio of the medians", () => {
    const results = new Map([
      ["ours", [at(10), at(30), at(100)]],
      ["emmett", [at(10), at(10), at(50)]]
    ] as const)
    const [row] = rowsOf("it", results, [["emmett", "Emmett", 2.5]])
    expect(row).toMatchObject({ ratio: 2, spread: "1.00–3.00", met: false, measured: "30/s", against: "Emmett 10/s" })
  })

  it("judge nothing where ours did not run", () => {
    const [row] = rowsOf("it", new Map([["pg", [at(10)]]] as const), [["pg", "pg", 1]])
    expect(row?.met).toBeUndefined()
  })

  it("have a median between the two in the middle", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([3, 1, 2])).toBe(2)
  })
})

describe("options", () => {
  it("are read from flags in both spellings", () => {
    expect(parse(["append", "--rounds", "3", "--seconds=0.5", "--peers", "emmett,pg"])).toMatchObject({
      names: ["append"],
      options: { rounds: 3, seconds: 0.5, peers: ["emmett", "pg"], events: 1_000_000 }
    })
  })

  it("say what is wrong with them", () => {
    expect(parse(["--rounds", "none"])).toContain("--rounds needs a number")
    expect(parse(["--peers", "marten"])).toContain('No peer is named "marten"')
    expect(parse(["--fast"])).toContain("There is no flag --fast")
  })
})
