// The walk of the guide: a parked event is found, read, its cause mended, and tried again; or it is given up.
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Aggregate from "evolvent/Aggregate"
import * as Processor from "evolvent/Processor"
import { expect, it } from "vitest"
import { Account, mails, Welcome } from "./support/application.ts"
import { describeStores } from "./support/stores.ts"

const open = (id: string, owner: string) => Aggregate.execute(Account, id, { _tag: "Open", owner })

/** Runs the reactor as an application does, while something else goes on. */
const whileItRuns = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.raceFirst(Effect.orDie(Processor.run(Welcome, { onFailure: "park", retry: Schedule.recurs(1) })), effect)

const parks = (many: number) =>
  Effect.repeat(Processor.status(Welcome), {
    while: ({ lag, parked }) => lag !== undefined || parked !== many,
    schedule: Schedule.spaced("20 millis")
  }).pipe(Effect.timeout("15 seconds"))

interface Parked {
  readonly eventId: string
  readonly key: string
}

describeStores(({ call, json, run, start }) => {
  it("walks from a parked event to one that is handled", async () => {
    mails.isMended = false
    mails.sent.length = 0
    await json("migrate")
    expect((await call("parked", "list")).stdout).toBe("Nothing is parked.\n")
    expect(await json("processors")).toEqual([])
    const unknown = await call("parked", "list", "welcome")
    expect([unknown.status, unknown.stderr]).toEqual([1, expect.stringContaining("has ever run on this store")])

    await run(open("1", "ada"))
    await run(open("2", "nobody"))
    await run(Aggregate.execute(Account, "2", { _tag: "Deposit", amount: 5 }))
    await run(open("3", "grace"))
    await run(
      whileItRuns(
        Effect.gen(function* () {
          yield* parks(1)
          const [standing] = yield* Effect.promise(() => json("processors")) as Effect.Effect<ReadonlyArray<object>>
          expect(standing).toMatchObject({ name: "welcome", state: "current", parked: 1, holders: [{ slots: 16 }] })
        })
      )
    )

    // Find it.
    const [entry] = (await json("parked", "list")) as ReadonlyArray<Parked>
    expect(entry).toMatchObject({
      processor: "reactor/welcome",
      key: "Account-2",
      attempts: 2,
      problem: expect.stringContaining("the mail server does not know nobody"),
      event: { type: "Opened", stream: "Account-2", data: { owner: "nobody" } }
    })
    const id = entry?.eventId ?? ""
    expect((await call("parked", "list", "welcome")).stdout).toContain(id)
    // Read why.
    const shown = await call("parked", "show", "welcome", id)
    expect(shown.stdout).toMatch(/parked by +reactor\/welcome, key Account-2, tried 2 times\n/)
    expect(shown.stdout).toContain("the mail server does not know nobody")
    // Mend it, and have it tried again: by whoever runs the processor, which is nobody just now.
    const asked = await call("parked", "retry", "reactor/welcome")
    expect([asked.status, asked.stdout]).toEqual([0, expect.stringContaining("Nobody runs it now")])
    mails.isMended = true
    await run(whileItRuns(parks(0)))
    expect(mails.sent).toEqual(["ada", "grace", "nobody"])
    expect(await json("parked", "list")).toEqual([])
    const none = await call("parked", "retry", "welcome", "--key", "Account-2")
    expect([none.status, none.stderr]).toEqual([1, expect.stringContaining("has parked nothing of the key")])
  }, 40_000)

  it("gives a parked event up, with --yes only", async () => {
    mails.isMended = false
    await run(open("4", "nobody"))
    await run(Aggregate.execute(Account, "4", { _tag: "Open", owner: "ada" }))
    await run(open("14", "nobody"))
    await run(whileItRuns(parks(3)))
    const entries = (await json("parked", "list")) as ReadonlyArray<Parked>
    const of = (key: string) => entries.filter((entry) => entry.key === key).map(({ eventId }) => eventId)
    const [[id = "", next = ""], [other = ""]] = [of("Account-4"), of("Account-14")]
    const refused = await call("parked", "drop", "welcome", id)
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining("say --yes")])
    expect(await json("parked", "list")).toHaveLength(3)
    const none = await call("parked", "drop", "welcome", "0198c2a4-7d3e-7abc-8def-0123456789ab", "--yes")
    expect(none.status).toBe(1)
    // What waits behind it is of its own key; what else is parked does not.
    expect(await json("parked", "drop", "welcome", id, "--yes")).toMatchObject({ dropped: id, parked: 1 })
    expect((await call("parked", "drop", "welcome", next, "--yes")).stdout).toMatch(/^[^\n]*will not handle[^.]*\.\n$/)
    expect(await json("parked", "drop", "welcome", other, "--yes")).toMatchObject({ dropped: other, parked: 0 })
    expect(await json("parked", "list")).toEqual([])
  }, 40_000)

  it("shows why a processor stopped, and watches until it is interrupted", async () => {
    mails.isMended = false
    await run(open("5", "nobody"))
    await run(Effect.ignore(Processor.run(Welcome, { retry: Schedule.recurs(0) })))
    const watching = start("processors", "--watch", "--every", "1", "--json")
    await watching.said(/\n.*\n/)
    watching.child.kill("SIGINT")
    const { status, stdout } = await watching.ended
    expect(status).toBe(130)
    expect(JSON.parse(stdout.split("\n")[0] ?? "")).toMatchObject([
      { state: "stopped", stopped: { stream: "Account-5", problem: expect.stringContaining("does not know nobody") } }
    ])
    expect((await call("processors")).stdout).toMatch(/^reactor +welcome +stopped .*does not know nobody/m)
    expect((await call("doctor")).stdout).toMatch(/risk {2}reactor\/welcome, stopped: .*does not know nobody/)
  }, 40_000)
})
