// Broken ways of taking what was stored years ago to the events of today.
import { all } from "./Mutant.ts"
import type { Broken, Mutant } from "./Mutant.ts"

const upcasting = "internal/upcasting.ts"
const codec = "internal/eventCodec.ts"
const todays = "internal/todaysEvents.ts"

const histories: ReadonlyArray<Broken> = [
  ["every old version takes all steps", upcasting, "steps: steps.slice(index) })", "steps })"],
  ["an old name is not known", upcasting, "past.push({ type: name,", "past.push({ type,"],
  [
    "today's version is the last of the past",
    upcasting,
    "current.set(type, steps.length + 1)",
    "current.set(type, steps.length)"
  ],
  ["two histories claim one version", upcasting, "    if (other !== undefined)\n", '    if (other === "")\n'],
  [
    "what steps give is taken as it is",
    upcasting,
    "const decode = Schema.decodeUnknownResult(Schema.toType(event))",
    "const decode = (value) => Result.succeed(value)"
  ],
  [
    "a split event is its first part",
    upcasting,
    "Result.all(value.map((one) => check(one)))",
    "Result.all(value.slice(0, 1).map((one) => check(one)))"
  ],
  [
    "a step that throws takes everything down",
    upcasting,
    "return Result.fail(`its step up from",
    "throw Result.fail(`its step up from"
  ],
  [
    "an unknown version is read as today's",
    codec,
    "if (schemaVersion !== known.current) {",
    "if (known.past.has(schemaVersion)) {"
  ],
  ["a newer version is a hole of the history", codec, "return version > newest", "return version > Infinity"]
]

const handling: ReadonlyArray<Broken> = [
  [
    "only today's names of what is handled are read",
    upcasting,
    "[...new Set([...types, ...upcast.past.map(({ type }) => type)])]",
    "types"
  ],
  ["the parts of a split event have one id", todays, "id: index === 0 ? recorded.id", "id: index >= 0 ? recorded.id"],
  ["parts that nobody handles are handled", todays, ".filter(({ type }) => source.handled.has(type))", ""],
  [
    "an event of a newer version is passed over",
    todays,
    "if (Result.isFailure(decoded)) return Result.fail(decoded.failure)",
    "if (Result.isFailure(decoded)) return decoded.failure.newest === undefined ? Result.fail(decoded.failure) : none"
  ]
]

/** Broken histories of events. */
export const evolving: ReadonlyArray<Mutant> = [
  ...all("versions", histories, ["upcaster.test"]),
  ...all("versions", handling, ["upcasterProjection", "upcasterProcessor"])
]
