// Laws of messages: what an append is on the server, and what it has no room for.
import type { Law } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import { ended, found, name, numbered } from "./Appends.ts"
import { Bench, eventsOf, layoutOf } from "./Bench.ts"
import { equal, law } from "./Law.ts"

const before = law(
  "Message 1 a message knows the sixteen before it of its stream, the nearest first",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { jetstream, store } = yield* eventsOf(layout)
    const other = (yield* eventsOf(layout)).store
    const subject = `${layout.settings.prefix}.events.Account.long`
    const numbers: Array<number> = []
    for (let n = 0; n < 20; n++) {
      // By what it has seen itself, and by what it has to ask for.
      yield* ended(n % 3 === 0 ? other : store, "long", [numbered(n), numbered(n)])
      yield* ended(store, `beside ${n % 4}`, [numbered(n)])
      const message = yield* jetstream.last(layout.events.name, subject)
      const known = message?.header("Ev-Prev")?.split(" ") ?? []
      const did = `appended ${n + 1} times to a stream: the numbers of the messages before`
      const all = known.map((one) => Number.parseInt(one, 36))
      yield* equal(did, all, numbers.slice(0, 16))
      numbers.unshift(message?.sequence ?? 0)
    }
  })
)

const positions = law(
  "Message 2 the last event of a message has the last position of its number, and nothing lies behind it",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { driver, jetstream, store } = yield* eventsOf(layout)
    for (let n = 0; n < 3; n++) {
      const { position } = yield* store.append(name(String(n)), [numbered(0), numbered(1), numbered(2)])
      const { last_seq: last = 0 } = (yield* jetstream.info(layout.events.name))?.state ?? {}
      const end = (last + 1) * 1024 - 1
      yield* equal("appended three events: the position", Number(position), end)
      yield* equal("appended three events: the head", Number(yield* driver.head), end)
      const events = yield* Stream.runCollect(store.read(EventFilter.stream(name(String(n)))))
      const all = events.map((event) => Number(event.position))
      yield* equal("appended three events: where they stand", all, [end - 2, end - 1, end])
      for (const [i, at] of all.entries()) {
        const from = { position: Position.make(at) }
        const filter = EventFilter.all()
        const back = yield* Stream.runCollect(store.read(filter, { direction: "backwards", from, limit: 2 }))
        const nearest = events
          .slice(0, i + 1)
          .toReversed()
          .slice(0, 2)
        const did = `read backwards from event ${i} of a message`
        const shown = back.slice(0, nearest.length).map((event) => Number(event.position))
        yield* equal(
          did,
          shown,
          nearest.map((event) => Number(event.position))
        )
      }
    }
  })
)

const sizes = law(
  "Message 3 an append of more events than a message holds, or of more bytes, is refused and writes nothing",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { store } = yield* eventsOf(layout)
    const many = Array.from({ length: 1025 }, (_, n) => numbered(n))
    yield* equal("appended 1024 events", yield* ended(store, "many", many.slice(1)), "at 1023")
    yield* equal("appended 1025", yield* ended(store, "many", many), "EventStoreError, InvalidRequest")
    // Its data alone would have room, and the server itself would refuse it as well, in other words.
    const note = "x".repeat(850)
    const framed = Array.from({ length: 1000 }, () => ({ type: "T".repeat(200), data: { note } }))
    const outcome = yield* ended(store, "large", framed)
    yield* equal("appended more bytes than the server takes", outcome, "EventStoreError, AppendTooLarge")
    yield* equal("appended what is refused", yield* found(store, "large"), [])
    yield* equal("appended what is refused", yield* store.streamRevision(name("many")), Revision.make(1023))
  })
)

const texts = [
  "",
  "=",
  "==",
  "=2E",
  "=2e",
  "é",
  "e\u0301",
  "😀",
  "a.b",
  "a..b",
  ".a",
  "a.",
  "*",
  ">",
  "a b",
  "\t",
  "\r\n",
  "\u2028",
  "$JS.API.>",
  "A",
  "a",
  "%2E"
]

const tokens = law(
  "Name 1 every text is a token that no other text has, made of letters, digits, _ and - and =HH",
  Effect.gen(function* () {
    const { backend } = yield* Bench
    const { text, token } = backend.names
    const characters = Array.from({ length: 0x180 }, (_, code) => String.fromCharCode(code))
    const all = [...new Set([...texts, ...characters, ...characters.map((one) => `a${one}b`)])]
    const made = all.map((one) => {
      const result = token(one)
      return result._tag === "Success" ? result.success : ""
    })
    const odd = made.filter((one) => !/^(=|([A-Za-z0-9_-]|=[0-9A-F]{2})+)$/.test(one))
    yield* equal("made tokens: those that are none", odd, [])
    yield* equal("made tokens: how many there are", new Set(made).size, all.length)
    yield* equal("made texts of tokens", made.map(text), all)
    const known = ["=", "=C3=A9", "=F0=9F=98=80", "=2E", "a=2Eb"]
    yield* equal(
      "made tokens",
      ["", "é", "😀", ".", "a.b"].map((one) => made[all.indexOf(one)]),
      known
    )
    yield* equal("made a token of half a character", token("\ud800")._tag, "Failure")
  })
)

const streams = law(
  "Name 2 no name of a stream is a pattern, and none reaches another stream",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { store } = yield* eventsOf(layout)
    for (const [i, id] of texts.entries()) {
      if (id !== "") yield* equal(`appended to "${id}"`, yield* ended(store, id, [numbered(i)]), "at 0")
    }
    for (const [i, id] of texts.entries()) {
      if (id !== "") yield* equal(`read "${id}"`, yield* found(store, id), [`0: ${i}`])
    }
    const long = yield* ended(store, "😀".repeat(200), [numbered(0)])
    yield* equal("appended to a name that no subject has room for", long, "EventStoreError, InvalidStreamName")
    yield* equal("appended to another one then", yield* ended(store, "short", [numbered(0)]), "at 0")
  })
)

const patterns = law(
  "Name 3 a filter asks for the subjects of its own category, and no name in it is a pattern",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const asked: Array<string> = []
    const { store } = yield* eventsOf(layout, (jetstream) => ({
      ...jetstream,
      api: (operation, body) => {
        if (operation.startsWith("CONSUMER.CREATE.")) asked.push(operation.split(".").slice(4).join("."))
        return jetstream.api(operation, body)
      }
    }))
    const wanted = [
      ["Account", "Account.*"],
      ["O*", "O=2A.*"],
      [">", "=3E.*"],
      ["a.b", "a=2Eb.*"]
    ] as const
    const prefix = `${layout.settings.prefix}.events.`
    for (const [category, subjects] of wanted) {
      yield* Stream.runCollect(store.read(EventFilter.category(category)))
      yield* equal(`read the category ${category}: what the server was asked for`, asked.at(-1), prefix + subjects)
    }
  })
)

/** Laws of messages and names. */
export const messages: ReadonlyArray<Law<Bench>> = [before, positions, sizes, tokens, streams, patterns]
