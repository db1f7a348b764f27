// Two instances of the shop of which one is killed, while customers ask either of them, and some ask both at once.
import { expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import * as Client from "./client.ts"
import { all, ask, commands, Database, instance, log, until } from "./harness.ts"

layer(Database.layer, { excludeTestServices: true, timeout: 60_000 })("two instances of the shop", (it) => {
  it.effect(
    "does everything once with two instances of which one is killed, whichever of them is asked, and however often",
    () =>
      Effect.gen(function* () {
        const customers = 30
        const here = yield* instance("--fresh")
        const there = yield* instance()
        const [till, account, ...others] = commands
        if (till === undefined || account === undefined) return yield* Effect.die("the README has no commands")
        yield* ask(here, till)

        // Somebody who watches, and is cut off when that instance is killed.
        const over = yield* Effect.abortSignal
        const seen = new Map<string, string>()
        const positions: Array<number> = []
        let lastEventId: string | undefined
        const watch = async (port: number) => {
          try {
            for await (const update of Client.follow(port, "/orders/updates", over, lastEventId)) {
              lastEventId = update.id
              if (update.event !== "order") continue
              positions.push(Number(update.id))
              const { id, order } = JSON.parse(update.data)
              seen.set(id, order.status)
            }
          } catch {
            // The instance was killed, or the test is over.
          }
        }
        const watching = watch(there.port)
        // From here on it can say where it was cut off.
        yield* until(
          Effect.sync(() => lastEventId),
          (id) => id !== undefined
        )

        let answered = 0
        const customer = async (n: number) => {
          // Half of them begin here and half of them there; when one does not answer, they ask the other one.
          const ports = n % 2 === 0 ? [here.port, there.port] : [there.port, here.port]
          const name = `customer-${n}`
          for (const line of [account, ...others]) {
            const own: Client.Line = {
              ...line,
              path: line.path.replace("1001", String(1000 + n)),
              body: line.body
                ?.replaceAll('"1001"', `"${1000 + n}"`)
                .replaceAll('"ada"', `"${name}"`)
                .replace("t-1", `t-${n}`)
            }
            // Impatient ones ask both at once.
            const asked = n % 3 === 0 ? [ports, ports.toReversed()] : [ports]
            const answers = await Promise.all(asked.map((each) => Client.insist(each, own)))
            for (const { status, text } of answers) {
              if (status >= 300) throw new Error(`${own.path} was answered ${status}: ${text}`)
              answered++
            }
          }
        }
        const total = customers * 5
        const busy = Promise.all(Array.from({ length: customers }, (_, n) => customer(n + 1)))
        const kill = until(
          Effect.sync(() => answered),
          (count) => count > total / 3
        ).pipe(Effect.andThen(Effect.promise(() => there.end("SIGKILL"))))
        yield* Effect.all([kill, Effect.promise(() => busy)], { concurrency: 2 })

        // What the other one had of the processors goes on here.
        const path = "/transfers?to=shop&status=done"
        const done = yield* until(all(here, path), (rows) => rows.length === 2 * customers)
        const ids = Array.from({ length: customers }, (_, n) => [`order.${1001 + n}`, `t-${n + 1}`]).flat()
        expect(done.map(({ id }) => id).toSorted()).toEqual(ids.toSorted())
        const orders = yield* all(here, "/orders?status=completed")
        expect(new Set(orders.map(({ id }) => id)).size).toBe(customers)
        for (const order of orders) expect(order).toMatchObject({ items: [{ quantity: 6 }], total: 2034 })
        const balances = yield* until(all(here, "/accounts?atLeast=0"), (rows) =>
          rows.some(({ balance, id }) => id === "shop" && balance === customers * 2134)
        )
        expect(balances.filter(({ id }) => id !== "shop").map(({ balance }) => balance)).toEqual(
          Array.from({ length: customers }, () => 5000 - 2134)
        )

        // The log has each of it once, too.
        const counts: Record<string, number> = {}
        for (const { category, type } of yield* log) {
          const key = `${category} ${type}`
          counts[key] = (counts[key] ?? 0) + 1
        }
        expect(counts).toMatchObject({
          "Account Opened": customers + 1,
          "Account Reserved": 2 * customers,
          "Account Credited": 2 * customers,
          "Order Created": customers,
          "Order ItemAdded": customers,
          "Order Completed": customers,
          "Request Asked": 2 * customers,
          "Request Answered": 2 * customers
        })
        expect(counts).not.toHaveProperty("Account Refunded")

        // Who was cut off hears of all that happened meanwhile, once, and in order.
        yield* Effect.promise(() => watching)
        expect([...seen.values()].filter((status) => status === "completed").length).toBeLessThan(customers)
        void watch(here.port)
        yield* until(
          Effect.sync(() => [...seen.values()].filter((status) => status === "completed").length),
          (count) => count === customers
        )
        expect(positions).toEqual([...new Set(positions)].toSorted((a, b) => a - b))
      }).pipe(Effect.scoped),
    180_000
  )
})
