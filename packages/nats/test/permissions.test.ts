// The permissions of the guide: an owner makes the streams, a writer uses them, a category's reader sees nothing else.
import { connect } from "@nats-io/transport-node"
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Aggregate from "evolvent/Aggregate"
import * as Bus from "evolvent/Bus"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import * as StreamName from "evolvent/StreamName"
import * as Nats from "../src/Nats.ts"
import { permitted } from "./support/permitted.ts"

const as = (url: string, user: string, create = false) =>
  Nats.layer({
    servers: url,
    user,
    password: Redacted.make(user.slice(0, 1)),
    inboxPrefix: `_INBOX_${user}`,
    create
  })

const Event = Schema.TaggedUnion({ Deposited: { amount: Schema.Int } })
const Account = Aggregate.make("Account", {
  command: Schema.TaggedUnion({ Deposit: { amount: Schema.Int } }),
  event: Event,
  state: Schema.Int,
  initial: 0
})({
  decide: { Deposit: ({ amount }) => [{ _tag: "Deposited", amount }] },
  evolve: { Deposited: (sum, { amount }) => sum + amount }
})
const Sums = Projection.make("sums", {
  from: [Account],
  row: Schema.Struct({ sum: Schema.Int }),
  initial: { sum: 0 },
  indexes: ["sum"]
})({ evolve: { Deposited: ({ sum }, { amount }) => ({ sum: sum + amount }) } })

const works = Effect.gen(function* () {
  for (let i = 0; i < 3; i++) {
    yield* Aggregate.execute(Account, "ada", { _tag: "Deposit", amount: 1 }, { commandId: `c${i}`, waitFor: [Sums] })
  }
  expect((yield* Aggregate.load(Account, "ada")).state).toBe(3)
  expect((yield* ReadModel.list(Sums)).rows.map(({ row }) => row.sum)).toEqual([3])
  const store = yield* EventStore
  yield* store.append(StreamName.make("Secret", "1"), [{ type: "Hidden", data: {} }])
  const bus = yield* Bus.Bus
  const [event] = yield* Stream.runCollect(store.read(EventFilter.category("Account"), { limit: 1 }))
  if (event !== undefined) yield* bus.publish([Bus.fromRecorded(event)])
}).pipe(Effect.provide(Processor.layer(Processor.projection(Sums))))

it.live(
  "an owner makes the streams, a writer works with them, and a reader reads and follows its category alone",
  () =>
    Effect.gen(function* () {
      const { url } = yield* NatsServer.make({ config: { authorization: { users: permitted } } })
      const early = yield* Effect.flip(Layer.build(as(url, "writer")))
      expect(early).toMatchObject({ _tag: "StreamUnusable" })
      yield* Layer.build(as(url, "owner", true))
      yield* Effect.provide(works, as(url, "writer"))

      yield* Effect.gen(function* () {
        const store = yield* EventStore
        const own = EventFilter.category("Account")
        expect((yield* Stream.runCollect(store.read(own))).length).toBe(3)
        const followed = yield* store.subscribe(own).pipe(
          Stream.flatMap(({ events }) => Stream.fromIterable(events)),
          Stream.take(4),
          Stream.runCollect,
          Effect.forkScoped
        )
        const deposit = Aggregate.execute(Account, "bob", { _tag: "Deposit", amount: 1 })
        yield* Effect.provide(deposit, as(url, "writer"))
        expect((yield* Fiber.join(followed)).map(({ streamId }) => streamId)).toEqual(["ada", "ada", "ada", "bob"])

        const foreign = yield* Effect.flip(Stream.runCollect(store.read(EventFilter.category("Secret"))))
        expect(foreign.message).toContain("Permissions Violation")
        expect(foreign.isRetryable).toBe(false)
        const everything = yield* Effect.flip(Stream.runCollect(store.read(EventFilter.all())))
        expect(everything.isRetryable).toBe(false)
        const append = yield* Effect.flip(
          store.append(StreamName.make("Account", "eve"), [{ type: "Deposited", data: {} }])
        )
        expect(append.message).toContain("Permissions Violation")
      }).pipe(Effect.provide(as(url, "reader")))

      // A writer cannot take anything back.
      const refused = yield* Effect.promise(async () => {
        const connection = await connect({ servers: url, user: "writer", pass: "w", inboxPrefix: "_INBOX_writer" })
        const purge = await connection
          .request("$JS.API.STREAM.PURGE.evolvent_events")
          .catch((error: unknown) => String(error))
        await connection.close()
        return String(purge)
      })
      expect(refused).toContain("Permissions Violation")
    }),
  60_000
)
