// The examples on somebody's NATS server: they say who they are, and forget nothing but their own.
import { expect, it } from "@effect/vitest"
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import { Effect, Redacted } from "effect"
import { Aggregate } from "evolvent"
import { Account } from "./account/domain.ts"
import * as OnNats from "./onNats.ts"

const deposit = Effect.andThen(
  Aggregate.execute(Account, "7", { _tag: "Open", owner: "Ada" }, { commandId: "open" }),
  Aggregate.execute(Account, "7", { _tag: "Deposit", amount: 5 })
)
const balance = Effect.map(Aggregate.load(Account, "7"), ({ state }) => state.balance)

it("an address is taken apart: who one is is no part of where", () => {
  const { password, servers, user } = OnNats.optionsOf(Redacted.make("nats://shop:p%40%3Ass@a:4222, nats://b"))
  expect([servers, user, password === undefined ? undefined : Redacted.value(password)]).toEqual([
    ["nats://a:4222", "nats://b"],
    "shop",
    "p@:ss"
  ])
  const { token } = OnNats.optionsOf(Redacted.make("tls://secret@a"))
  expect(token === undefined ? undefined : Redacted.value(token)).toBe("secret")
  const { password: odd } = OnNats.optionsOf(Redacted.make("nats://shop:100%@a"))
  expect(odd === undefined ? undefined : Redacted.value(odd)).toBe("100%")
  expect(OnNats.optionsOf(Redacted.make("a:4222"))).toEqual({ servers: ["a:4222"] })
})

it.live(
  "an example that begins anew leaves others' streams alone, also where their names begin alike",
  () =>
    Effect.gen(function* () {
      const config = { authorization: { user: "shop", password: "p@:ss" } }
      const { port } = yield* NatsServer.make({ config })
      const place = { _tag: "Server", url: Redacted.make(`nats://shop:p%40%3Ass@127.0.0.1:${port}`) } as const
      const on = (name: string, fresh: boolean) => OnNats.layer(name, place, fresh)
      yield* Effect.provide(deposit, on("demo", false))
      yield* Effect.provide(deposit, on("demo_invoices", false))
      expect(yield* Effect.provide(balance, on("demo", false))).toBe(5)
      expect(yield* Effect.provide(balance, on("demo", true))).toBe(0)
      expect(yield* Effect.provide(balance, on("demo_invoices", false))).toBe(5)
    }).pipe(Effect.scoped),
  30_000
)
