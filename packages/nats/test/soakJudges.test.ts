// The judges of the soak: what is as it should be passes, and each law that is broken is noticed.
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as EventId from "evolvent/EventId"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { afterAll, describe, expect, it } from "vitest"
import type { GroupLine, LeaseLine, ReaderLine, WriterLine } from "../soak/journal.ts"
import { open, tail } from "../soak/journal.ts"
import * as judgeBus from "../soak/judgeBus.ts"
import * as judgeLeases from "../soak/judgeLeases.ts"
import * as judgeReaders from "../soak/judgeReaders.ts"
import * as judgeWriters from "../soak/judgeWriters.ts"
import { names } from "../soak/leases.ts"
import { fileOf, readers } from "../soak/readers.ts"
import type { Log, StoredEvent } from "../soak/stored.ts"
import { laws, make, type Law, type Tally } from "../soak/tally.ts"
import { messageOf, typeOf } from "../soak/workload.ts"

const root = fs.mkdtempSync(path.join(os.tmpdir(), "evolvent-soak-judges-"))
afterAll(() => fs.rmSync(root, { recursive: true, force: true }))

let folders = 0
const folder = () => {
  const made = path.join(root, String(folders++))
  fs.mkdirSync(made)
  return made
}

/** A journal of these lines. */
const journal = <Line>(lines: ReadonlyArray<Line>, file = path.join(folder(), "journal")) => {
  const write = open<Line>(file)
  for (const line of lines) write(line)
  return file
}

const broken = ({ is }: Tally): ReadonlyArray<Law> => laws.filter((law) => is[law] > 0)

const stream = StreamName.make("Hot", "1")
const ids = [0, 1, 2, 3].map((n) => EventId.derive("judges", "ids", n))
const [a, b, c, d] = ids as [EventId.EventId, EventId.EventId, EventId.EventId, EventId.EventId]

const event = (id: string, revision: number, more: Partial<StoredEvent> = {}): StoredEvent => ({
  id,
  position: 1024 * (revision + 1),
  revision,
  stream,
  category: "Hot",
  type: typeOf(id),
  told: id,
  time: revision,
  ...more
})
const logOf = (events: ReadonlyArray<StoredEvent>): Log => ({
  events,
  byId: new Map(events.map((one) => [one.id, one]))
})

const sent = (
  op: number,
  given: ReadonlyArray<EventId.EventId>,
  more: Partial<Extract<WriterLine, { k: "try" }>> = {}
) => ({ k: "try", op, kind: "append", appends: [{ stream, expected: Revision.make(0), ids: given }], ...more }) as const
const done = (op: number, { position, revision }: StoredEvent) =>
  ({ k: "ok", op, ms: 1, results: [{ revision, position }] }) as const

const whole = [event(a, 0), event(b, 1), event(c, 2)]
const both: ReadonlyArray<WriterLine> = [sent(0, [a]), done(0, event(a, 0)), sent(1, [b, c]), done(1, event(c, 2))]

const writers: ReadonlyArray<
  readonly [string, ReadonlyArray<StoredEvent>, ReadonlyArray<WriterLine>, ReadonlyArray<Law>]
> = [
  ["all is stored as it was answered", whole, both, []],
  ["what nobody knows is stored", whole, both.slice(0, 3), []],
  ["what nobody knows is not stored", whole.slice(0, 1), both.slice(0, 3), []],
  ["an acknowledged event is gone", whole.slice(0, 2), both, ["lost"]],
  ["a part is stored of what nobody knows", whole.slice(0, 2), both.slice(0, 3), ["torn"]],
  ["events stand elsewhere than was answered", whole, [...both.slice(0, 3), done(1, event(c, 3))], ["wrong"]],
  ["a refused append is stored", whole, [...both.slice(0, 3), { k: "no", op: 1, why: "conflict" }], ["unasked"]],
  [
    "ids of one's own are refused",
    whole.slice(0, 1),
    [...both.slice(0, 3), { k: "no", op: 1, why: "reused" }],
    ["wrong"]
  ],
  [
    "any expectation conflicts",
    whole.slice(0, 1),
    [
      ...both.slice(0, 2),
      sent(1, [b], { appends: [{ stream, expected: "any", ids: [b] }] }),
      { k: "no", op: 1, why: "conflict" }
    ],
    ["wrong"]
  ],
  ["a misuse is acknowledged", whole, [...both, sent(2, [a], { kind: "misuse" }), done(2, event(a, 0))], ["wrong"]],
  ["nobody brought an event", [...whole, event(d, 3)], both, ["unasked"]],
  ["a revision is missing", [event(a, 0), event(b, 2)], [sent(0, [a]), sent(1, [b])], ["holes"]],
  [
    "a revision comes twice",
    [event(a, 0), event(b, 0, { position: 5000 })],
    [sent(0, [a]), sent(1, [b])],
    ["reordered"]
  ],
  ["an event is stored twice", [event(a, 0), event(a, 1)], [sent(0, [a])], ["duplicates"]],
  ["an event has the content of another one", [event(a, 0, { told: b })], [sent(0, [a])], ["spoiled"]],
  ["time goes back", [event(a, 0, { time: 9 }), event(b, 1)], [sent(0, [a]), sent(1, [b])], ["spoiled"]]
]

const at = (...events: ReadonlyArray<StoredEvent>): Extract<ReaderLine, { readonly through: number }> => ({
  through: events.at(-1)?.position ?? 0,
  events: events.flatMap(({ id, position }) => [position, tail(id)])
})
const [zero, one, two] = whole as [StoredEvent, StoredEvent, StoredEvent]

const reading: ReadonlyArray<readonly [string, ReadonlyArray<ReaderLine>, ReadonlyArray<Law>]> = [
  ["everything is given once", [at(zero), at(one, two)], []],
  ["less is given, but nothing is passed", [at(zero)], []],
  ["an event is passed over", [at(zero), at(two)], ["missed"]],
  ["an event is given twice", [at(zero, one), at(one, two)], ["repeated"]],
  ["an event is given too late", [{ through: 0, events: [...at(one).events, ...at(zero).events] }], ["reordered"]],
  ["an event is given that is not there", [at(event(d, 0))], ["invented"]],
  ["a subscription ends", [{ finding: "it ended" }], ["failed"]]
]

const published: ReadonlyArray<WriterLine> = [
  { k: "publish", key: "k", from: 0, to: 1 },
  { k: "published", key: "k", to: 1, ms: 1 },
  { k: "publish", key: "k", from: 2, to: 2 }
]
const message = (n: number, more: object = {}) => ({
  id: messageOf("k", n).id,
  key: "k",
  data: { key: "k", n },
  ...more
})

const bus: ReadonlyArray<readonly [string, ReadonlyArray<ReturnType<typeof message>>, ReadonlyArray<Law>]> = [
  ["all is there", [message(0), message(1), message(2)], []],
  ["what nobody knows is not there", [message(0), message(1)], []],
  ["an acknowledged message is gone", [message(0)], ["lost"]],
  ["a message is there twice", [message(0), message(1), message(0)], ["duplicates"]],
  ["a message comes before its turn", [message(1), message(0), message(1)], ["duplicates", "reordered"]],
  ["nobody published a message", [message(0), message(1), message(2), message(3)], ["unasked"]],
  ["a message has another content", [message(0, { id: messageOf("k", 7).id }), message(1)], ["spoiled"]]
]

const handled = (...numbers: ReadonlyArray<number>): ReadonlyArray<GroupLine> =>
  ["fast", "slow"].flatMap((group) => numbers.map((n, i) => ({ group, key: "k", n, at: i })))

const groups: ReadonlyArray<readonly [string, ReadonlyArray<GroupLine>, ReadonlyArray<Law>]> = [
  ["each is handled", handled(0, 1, 2), []],
  ["some are handled again", handled(0, 1, 0, 1, 2), []],
  ["the last was never handled", handled(0), ["missed"]],
  ["one is handled before its turn", handled(0, 2, 1), ["reordered"]],
  ["one is handled that nobody published", handled(0, 1, 5), ["invented"]],
  ["a group ends", [...handled(0, 1), { finding: "it ended" }], ["failed"]]
]

const [name] = names
const step = (to: number, token: number, k: "try" | "ok" = "ok"): LeaseLine => ({ k, name, to, token })

const leases: ReadonlyArray<readonly [string, ReadonlyArray<LeaseLine>, number, ReadonlyArray<Law>]> = [
  ["each holder moves on from the last", [step(1, 1), step(2, 1), step(3, 2)], 3, []],
  ["nobody knows of one step", [step(1, 1), step(2, 1, "try"), step(3, 2)], 3, []],
  ["a lease that was lost moves on", [step(1, 1), step(2, 2), step(3, 1)], 3, ["stolen"]],
  ["two make the same step", [step(1, 1), step(1, 2)], 1, ["stolen"]],
  ["nobody made a step", [step(1, 1), step(3, 1)], 3, ["unasked"]],
  ["an acknowledged step is gone", [step(1, 1), step(2, 1)], 1, ["lost"]]
]

describe("the judges of the soak", () => {
  it.each(writers)("writers: %s", async (_, stored, lines, expected) => {
    const [tally, log] = [make(), logOf(stored)]
    judgeWriters.checkLog(log, tally)
    await judgeWriters.judge([journal(lines)], log, tally)
    expect([...new Set(broken(tally))], tally.findings.join("\n")).toEqual(expected)
  })

  it.each(reading)("readers: %s", async (_, lines, expected) => {
    const [tally, made] = [make(), folder()]
    const [first] = readers.flat()
    if (first !== undefined) journal(lines, fileOf(made, first))
    await judgeReaders.judge(made, logOf(whole), tally)
    expect(broken(tally), tally.findings.join("\n")).toEqual(expected)
  })

  it.each(bus)("the bus: %s", async (_, messages, expected) => {
    const tally = make()
    judgeBus.checkBus(messages, await judgeBus.published([journal(published)], tally), true, tally)
    expect([...broken(tally)].sort(), tally.findings.join("\n")).toEqual(expected)
  })

  it.each(groups)("groups: %s", async (_, lines, expected) => {
    const tally = make()
    await judgeBus.judge([journal(lines)], await judgeBus.published([journal(published)], tally), tally)
    expect(broken(tally), tally.findings.join("\n")).toEqual(expected)
  })

  it.each(leases)("leases: %s", async (_, lines, position, expected) => {
    const tally = make()
    await judgeLeases.judge([journal(lines)], { [name]: position }, tally)
    expect(broken(tally), tally.findings.join("\n")).toEqual(expected)
  })
})
