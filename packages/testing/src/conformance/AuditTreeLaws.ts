// The laws of causes and effects: the tree that an audit finds is the one in which the events came about.
import * as Effect from "effect/Effect"
import * as Audit from "evolvent/Audit"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import type { Recorded } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import * as EventId from "evolvent/EventId"
import type { EventStore } from "evolvent/EventStore"
import * as Metadata from "evolvent/Metadata"
import * as Processor from "evolvent/Processor"
import type { ReadModelStore } from "evolvent/ReadModelStore"
import * as StreamName from "evolvent/StreamName"
import * as Random from "../internal/random.ts"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Errand from "./Errand.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import type { Law } from "./Law.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

type Services = EventStore | CheckpointStore | ReadModelStore

/** What happened, in the order of the store, and the number of the event that each was a reaction to. */
interface Happened {
  readonly events: ReadonlyArray<Recorded>
  readonly causes: ReadonlyArray<number | undefined>
}

/** Executes commands on some accounts, each of them anew or as a reaction to some event that there is. */
const converse = Effect.fnUntraced(function* (random: Random.Random, account: Account.Account, count: number) {
  const { execute } = yield* Subject
  let events: ReadonlyArray<Recorded> = []
  const causes: Array<number | undefined> = []
  for (let n = 0; n < count; n++) {
    const cause = random.chance(0.85) && events.length > 0 ? random.below(events.length) : undefined
    const amounts = Fresh.range(1 + random.below(3))
    const options = random.chance(0.5) ? { commandId: `command ${n}` } : {}
    const command = execute(account, String(random.below(5)), { _tag: "DepositEach", amounts }, options)
    const to = cause === undefined ? undefined : events[cause]
    yield* to === undefined ? command : Metadata.inReactionTo(to)(command)
    for (const _ of amounts) causes.push(cause)
    events = yield* Contents.of(EventFilter.category(account.name))
  }
  return { events, causes } satisfies Happened
})

/** What an event led to, each with its own effects: `3(5(8) 6)`; of undefined what nothing led to. */
const effectsOf = ({ causes }: Pick<Happened, "causes">, event: number | undefined): string =>
  causes
    .flatMap((cause, n) => (cause === event ? [n] : []))
    .map((n) => [n, effectsOf({ causes }, n)])
    .map(([n, below]) => (below === "" ? `${n}` : `${n}(${below})`))
    .join(" ")

const causesOf = ({ causes }: Pick<Happened, "causes">, event: number): ReadonlyArray<number> => {
  const cause = causes[event]
  return cause === undefined ? [] : [...causesOf({ causes }, cause), cause]
}

/** The same of a tree that was found. */
const textOf = (nodes: ReadonlyArray<Audit.Node>, numberOf: (event: Recorded) => number): string =>
  nodes
    .map(({ effects, event }) => [numberOf(event), textOf(effects, numberOf)])
    .map(([n, below]) => (below === "" ? `${n}` : `${n}(${below})`))
    .join(" ")

const nothingMore = { causes: false, effects: false, orphans: false }

const grown = law(
  "Audit 3 the tree of an event is how commands within reactions came about, whether its stream is known or not",
  Effect.gen(function* () {
    const { tree } = yield* Subject
    const seed = yield* Fresh.name("")
    const account = yield* Account.make()
    const happened = yield* converse(Random.make(seed), account, 15)
    const filter = EventFilter.category(account.name)
    const numbers = new Map(happened.events.map(({ id }, n) => [id, n]))
    const numberOf = ({ id }: Recorded): number => numbers.get(id) ?? -1
    for (const [n, { id, stream }] of happened.events.entries()) {
      for (const options of [{ stream }, { filter }]) {
        const found = yield* tree(id, options)
        const { causes, effects, event, hasMore, missing, orphans } = found
        const did = `looked for event ${n} of 15 commands (seed ${seed}) by its ${Object.keys(options).join()}`
        yield* Check.equal(`${did}: the event`, event, happened.events[n])
        yield* Check.equal(`${did}: what caused it`, causes.map(numberOf), causesOf(happened, n))
        yield* Check.equal(`${did}: what it led to`, textOf(effects, numberOf), effectsOf(happened, n))
        yield* Check.equal(`${did}: the rest`, [missing, orphans.length, hasMore], [undefined, 0, nothingMore])
      }
    }
    const all = textOf(Audit.forest(happened.events.toReversed()), numberOf)
    yield* Check.equal(`made a forest of all (seed ${seed})`, all, effectsOf(happened, undefined))
  })
)

const reacted = law(
  "Audit 4 a tree goes from a command through managers, reactors, rejections and deadlines over all streams",
  Effect.gen(function* () {
    const { execute, tree } = yield* Subject
    const errand = yield* Errand.make({ withdrawsAfter: 1 })
    const late = yield* Errand.make({ deposits: { deadline: 1 } })
    const { manager, source, target } = errand
    const third = yield* Account.make()
    const reactor = Processor.reactor(yield* Fresh.name("reactor"), {
      from: [target],
      handle: { Deposited: ({ amount }) => execute(third, "z", Account.deposit(amount)) }
    })
    const talk = Metadata.provide({ actor: "ada" })
    yield* talk(execute(source, "a", { _tag: "DepositEach", amounts: [7, 8] }))
    yield* execute(source, "b", Account.deposit(1))
    yield* execute(source, "b", Account.withdraw(1))
    // There is nothing to withdraw on the other account.
    yield* errand.write("d", [-5])
    yield* execute(late.source, "c", Account.deposit(1))
    yield* Errand.run(errand)
    yield* Errand.run(late)
    yield* Running.start(reactor)
    const names = new Map([
      [source.name, "source"],
      [manager.name, "errand"],
      [target.name, "target"],
      [third.name, "third"],
      [late.source.name, "source"],
      [late.manager.name, "errand"]
    ])
    const line = ({ category, metadata, streamId, type }: Recorded) =>
      `${names.get(category)} ${streamId} ${type} ${metadata.actor ?? "nobody"}`
    const looksLike = Effect.fnUntraced(function* (from: Account.Account, id: string, n: number, expected: string) {
      const events = yield* Contents.ofStream(StreamName.make(from.name, id))
      const root = events[n] as Recorded
      const look = Effect.map(tree(root.id, { stream: root.stream }), (found) => Audit.render(found, { line }))
      const lines = expected.trim().replaceAll(/^ {8}/gm, "")
      yield* Check.eventually(`ran two managers and a reactor`, `the tree is\n${lines}`, look, (text) => text === lines)
    })
    const deposited = `
        source a Deposited ada ◀
        └─ errand a Noted ada
           └─ target a Deposited ada
              └─ third z Deposited ada`
    yield* looksLike(source, "a", 0, deposited)
    yield* looksLike(source, "a", 1, deposited)
    const withdrawn = `
        source b Withdrawn nobody ◀
        └─ errand b Asked nobody
           └─ target b Withdrawn nobody`
    yield* looksLike(source, "b", 1, withdrawn)
    const rang = `
        source c Deposited nobody ◀
        └─ errand c Noted nobody
           └─ errand c Rang nobody`
    yield* looksLike(late.source, "c", 0, rang)
    const refused = `
        source d Withdrawn nobody ◀
        └─ errand d Asked nobody
           └─ errand d Refused nobody`
    yield* looksLike(source, "d", 0, refused)
  })
)

const bounded = law(
  "Audit 5 a cause that is not found is named, and later events of the conversation whose cause is not found are orphans",
  Effect.gen(function* () {
    const { execute, tree } = yield* Subject
    const [kept, gone] = [yield* Account.make(), yield* Account.make()]
    const step = Effect.fnUntraced(function* (account: Account.Account, cause: Recorded | undefined) {
      const { revision } = yield* cause === undefined
        ? execute(account, "a", Account.deposit(1))
        : Metadata.inReactionTo(cause)(execute(account, "a", Account.deposit(1)))
      const events = yield* Contents.ofStream(StreamName.make(account.name, "a"))
      return events[revision ?? -1] as Recorded
    })
    const root = yield* step(kept, undefined)
    const sibling = yield* step(kept, root)
    const start = yield* step(kept, root)
    const lost = yield* step(gone, start)
    const left = yield* step(kept, lost)
    const leaf = yield* step(kept, left)
    yield* step(kept, sibling)
    const end = yield* step(kept, leaf)
    const filter = EventFilter.category(kept.name)
    const numbers = new Map([root, sibling, start, lost, left, leaf, end].map(({ id }, n) => [id, n]))
    const numberOf = ({ id }: Recorded): number => numbers.get(id) ?? -1
    const looks = Effect.fnUntraced(function* (
      did: string,
      { id, stream }: Recorded,
      options: Audit.TreeOptions,
      expected: readonly [ReadonlyArray<number>, string | undefined, string, string]
    ) {
      for (const where of [{ stream }, {}]) {
        const { causes, effects, missing, orphans } = yield* tree(id, { filter, ...options, ...where })
        const found = [causes.map(numberOf), missing, textOf(effects, numberOf), textOf(orphans, numberOf)] as const
        yield* Check.equal(`looked for ${did}`, found, expected)
      }
    })
    yield* looks("an event that led to one which is gone", start, {}, [[0], undefined, "", "4(5(6))"])
    yield* looks("an event whose cause's cause is gone", leaf, {}, [[4], lost.id, "6", ""])
    const from = { position: start.position }
    yield* looks("an event from a position on", start, { from, to: from }, [[], root.id, "", ""])
    yield* looks("an event up to a position", left, { to: { position: leaf.position } }, [[], lost.id, "5", ""])
    yield* looks("an event among all", start, { filter: wholeOf([kept, gone]) }, [[0], undefined, "3(4(5(6)))", ""])
  })
)

const wholeOf = (accounts: ReadonlyArray<Account.Account>) =>
  EventFilter.categories(accounts.map(({ name }) => ({ category: name })))

const limited = law(
  "Audit 6 a tree is as large as is asked for and says what it leaves out",
  Effect.gen(function* () {
    const { execute, tree } = yield* Subject
    const account = yield* Account.make()
    const chain: Array<Recorded> = []
    for (let n = 0; n < 9; n++) {
      const last = chain.at(-1)
      const command = execute(account, String(n), Account.deposit(n))
      yield* last === undefined ? command : Metadata.inReactionTo(last)(command)
      const [event] = yield* Contents.ofStream(StreamName.make(account.name, String(n)))
      chain.push(event as Recorded)
    }
    const middle = chain[4] as Recorded
    for (const [limit, causes, effects] of [
      [3, [1, 2, 3], "5(6(7))"],
      [4, [0, 1, 2, 3], "5(6(7(8)))"]
    ] as const) {
      const found = yield* tree(middle.id, { stream: middle.stream, limit })
      const did = `looked for the fifth of nine with a limit of ${limit}`
      const numberOf = ({ data }: Recorded) => (data as { readonly amount: number }).amount
      yield* Check.equal(`${did}: causes`, found.causes.map(numberOf), [...causes])
      yield* Check.equal(`${did}: effects`, textOf(found.effects, numberOf), effects)
      const isLess = limit < 4
      const expected = [undefined, { causes: isLess, effects: isLess, orphans: false }]
      yield* Check.equal(`${did}: what it leaves out`, [found.missing, found.hasMore], expected)
    }
  })
)

const nowhere = law(
  "Audit 7 an event that is not there is an error that names it",
  Effect.gen(function* () {
    const { execute, tree } = yield* Subject
    const account = yield* Account.make()
    const { position } = yield* execute(account, "a", Account.deposit(1))
    const id = yield* EventId.generate
    const stream = StreamName.make(account.name, "a")
    for (const options of [{ stream }, { from: { position } }]) {
      const error = yield* Check.refused(
        "looked for an event that was never stored",
        tree(id, options),
        "EventNotFound"
      )
      yield* Check.equal("looked for an event that was never stored: the error", error.id, id)
    }
  })
)

/** The laws of causes and effects. */
export const trees: ReadonlyArray<Law<Services>> = [grown, reacted, bounded, limited, nowhere]
