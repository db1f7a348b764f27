// The command line without a store: help, how fast it comes, wrong use, and servers that are not there.
import { describe, expect, it } from "vitest"
import { evolvent } from "./support/evolvent.ts"

describe("evolvent --help", () => {
  it("names every command, and needs no store", async () => {
    const { status, stderr, stdout } = await evolvent(["--help"])
    expect([status, stderr]).toEqual([0, ""])
    const commands =
      "migrate doctor streams read tail show processors parked rebuild snapshots archive restore export import verify"
    for (const command of commands.split(" ")) expect(stdout).toMatch(new RegExp(`^ +${command} `, "m"))
    expect(stdout).toContain("Exit codes: 0 done; 1 refused")
    expect(stdout).not.toContain("\u001b")
  })

  it("answers at once", async () => {
    const times: Array<number> = []
    for (let i = 0; i < 5; i++) {
      const began = performance.now()
      expect((await evolvent(["--help"])).status).toBe(0)
      times.push(Math.round(performance.now() - began))
    }
    console.log(`evolvent --help took ${times.join(", ")} ms`)
    // Under 300 on a machine that does nothing else; what is loaded for nothing takes it far beyond this.
    expect(Math.min(...times)).toBeLessThan(1000)
  }, 60_000)

  it("has completions for shells, and a version", async () => {
    const { status, stdout } = await evolvent(["--completions", "bash"])
    expect(status).toBe(0)
    for (const word of ["processors", "--follow", "evolvent"]) expect(stdout).toContain(word)
    expect((await evolvent(["--version"])).stdout).toMatch(/\d+\.\d+\.\d+/)
  })
})

describe("wrong use", () => {
  it.each([
    [["reed", "all"], /Did you mean this\?\s+read/],
    [["read"], /Missing required argument: what/],
    [["read", "all", "--limit", "0"], /0 is less than 1/],
    [["tail", "-n", "-1", "--url", "postgres://h/x"], /-1 is less than 0/],
    [["read", "all", "--colour"], /colour/],
    [["parked", "retry"], /Missing required argument: processor/],
    [["rebuild", "balances"], /app/],
    [["read", "all"], /No store is named\. .*DATABASE_URL/],
    [["read", "all", "--url", "mysql://root:secret@h/x"], /none of PostgreSQL or NATS/],
    [["read", "all", "--url", "shop"], /none of PostgreSQL or NATS/],
    [["read", "all", "--url", "postgres://:port"], /no URL/],
    [["read", "-7", "--url", "postgres://h/x"], /category is empty|Unrecognized/],
    [["read", "all", "--from", "yesterday", "--url", "postgres://h/x"], /--from takes a position/],
    [["show", "7", "--url", "postgres://h/x"], /An event's id is a UUID/],
    [["archive", "/tmp/none", "Account-1", "--url", "postgres://h/x"], /Nothing was done: say --yes/],
    [["snapshots", "clear", "all", "--url", "postgres://h/x"], /Nothing was done: say --yes/],
    [["verify", "/tmp/no-such-folder"], /no manifest/],
    [["rebuild", "x", "--app", "/tmp/none.ts", "--url", "postgres://h/x"], /--app, \/tmp\/none\.ts, cannot be loaded/]
  ])("%j has exit code 2 and says why on standard error", async (args, words) => {
    const { status, stderr, stdout } = await evolvent(args)
    expect(stderr).toMatch(words)
    expect(stderr).not.toMatch(/secret|^\s+at /m)
    expect([status, stdout]).toEqual([2, ""])
  })
})

describe("a server that is not there", () => {
  it.each(["postgres://shop:secret@127.0.0.1:1/shop", "nats://shop:secret@127.0.0.1:1"])(
    "%s has exit code 3, in a sentence and without the password",
    async (url) => {
      for (const args of [["doctor"], ["streams", "--json"], ["migrate"]]) {
        const { status, stderr, stdout } = await evolvent([...args, "--url", url])
        expect([status, stdout]).toEqual([3, ""])
        expect(stderr).toMatch(/^evolvent: The store on .* at .*127\.0\.0\.1:1.* cannot be used: .*refused/i)
        expect(stderr).not.toMatch(/secret|^\s+at /m)
      }
    },
    60_000
  )

  it("is taken from the variables only where no --url is given, and DATABASE_URL goes first", async () => {
    const env = { DATABASE_URL: "postgres://127.0.0.1:1/shop", NATS_URL: "nats://127.0.0.1:1" }
    expect((await evolvent(["streams"], env)).stderr).toContain("on PostgreSQL at postgres://127.0.0.1:1/shop")
    expect((await evolvent(["streams"], { ...env, DATABASE_URL: "" })).stderr).toContain(
      "on NATS at nats://127.0.0.1:1"
    )
    expect((await evolvent(["streams", "--url", "nats://127.0.0.1:2"], env)).stderr).toContain("nats://127.0.0.1:2")
  }, 60_000)
})
