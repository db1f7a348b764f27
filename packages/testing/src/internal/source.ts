// Writes a value as TypeScript source, so that what a test prints can be pasted into a test.
import * as BigDecimal from "effect/BigDecimal"
import * as Chunk from "effect/Chunk"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"

/** A piece of source: text, or items between brackets that go on lines of their own when they do not fit on one. */
type Doc = string | Group

interface Group {
  readonly open: string
  readonly items: ReadonlyArray<readonly [label: string, item: Doc]>
  readonly close: string
  /** A space inside the brackets when it stays on one line. */
  readonly spaced: boolean
}

const width = 100

/**
 * The source of a value.
 *
 * `indent` is how deep it will stand (its first line is not indented); `expanded` puts every item of an outermost list
 * on a line of its own, with a comma behind each, which is what a comparison by lines needs.
 */
export const toSource = (
  value: unknown,
  options: { readonly indent?: number; readonly expanded?: boolean } = {}
): string => {
  const indent = options.indent ?? 0
  const doc = docOf(value, new Set())
  return options.expanded === true && typeof doc !== "string" && doc.items.length > 0
    ? broken(doc, indent, ",")
    : layout(doc, indent, indent)
}

const flat = (doc: Doc): string => {
  if (typeof doc === "string") return doc
  const inner = doc.items.map(([label, item]) => label + flat(item)).join(", ")
  return doc.spaced && inner !== "" ? `${doc.open} ${inner} ${doc.close}` : doc.open + inner + doc.close
}

const layout = (doc: Doc, indent: number, column: number): string => {
  const line = flat(doc)
  return typeof doc === "string" || doc.items.length === 0 || column + line.length <= width ? line : broken(doc, indent)
}

const broken = ({ close, items, open }: Group, indent: number, last = ""): string => {
  const pad = " ".repeat(indent + 2)
  const lines = items.map(([label, item]) => pad + label + layout(item, indent + 2, indent + 2 + label.length))
  return `${open}\n${lines.join(",\n")}${last}\n${" ".repeat(indent)}${close}`
}

const docOf = (value: unknown, above: ReadonlySet<object>): Doc => {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value)
    case "number":
      return Object.is(value, -0) ? "-0" : String(value)
    case "bigint":
      return `${value}n`
    case "object":
      if (value === null) return "null"
      return above.has(value) ? "/* circular */" : objectDoc(value, new Set([...above, value]))
    case "function":
      return value.name === "" ? "/* function */" : value.name
    default:
      return String(value)
  }
}

const objectDoc = (value: object, above: ReadonlySet<object>): Doc => {
  const list = (items: Iterable<unknown>): Group => ({
    open: "[",
    items: Array.from(items, (item) => ["", docOf(item, above)] as const),
    close: "]",
    spaced: false
  })
  const call = (name: string, ...args: ReadonlyArray<Doc>): Doc => {
    const [only] = args
    // A call of one bracketed argument breaks inside the brackets: `new Map([…])`.
    return args.length === 1 && only !== undefined && typeof only !== "string"
      ? { ...only, open: `${name}(${only.open}`, close: `${only.close})` }
      : { open: `${name}(`, items: args.map((arg) => ["", arg] as const), close: ")", spaced: false }
  }
  if (Array.isArray(value)) return list(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return recordDoc(Object.entries(value), above)
  if (value instanceof Date) return call("new Date", isoOrNaN(value))
  if (DateTime.isDateTime(value)) {
    const iso = JSON.stringify(DateTime.formatIso(value))
    if (DateTime.isUtc(value)) return call("DateTime.makeUnsafe", iso)
    return `DateTime.makeZonedUnsafe(${iso}, { timeZone: ${JSON.stringify(DateTime.zoneToString(value.zone))} })`
  }
  if (Option.isOption(value)) {
    return Option.isNone(value) ? "Option.none()" : call("Option.some", docOf(value.value, above))
  }
  if (Result.isResult(value)) {
    return Result.isSuccess(value)
      ? call("Result.succeed", docOf(value.success, above))
      : call("Result.fail", docOf(value.failure, above))
  }
  if (BigDecimal.isBigDecimal(value)) {
    return call("BigDecimal.fromStringUnsafe", JSON.stringify(BigDecimal.format(value)))
  }
  if (Duration.isDuration(value)) {
    const millis = Duration.toMillis(value)
    return Number.isFinite(millis) ? `Duration.millis(${millis})` : "Duration.infinity"
  }
  if (Redacted.isRedacted(value)) return `Redacted.make("<redacted>")`
  if (value instanceof Map) return call("new Map", list(value))
  if (value instanceof Set) return call("new Set", list(value))
  if (value instanceof Uint8Array) return call("new Uint8Array", list(value))
  if (value instanceof URL) return call("new URL", JSON.stringify(value.href))
  if (value instanceof RegExp) return String(value)
  if (Chunk.isChunk(value)) return call("Chunk.fromIterable", list(value))
  if (HashMap.isHashMap(value)) return call("HashMap.fromIterable", list(HashMap.toEntries(value)))
  if (HashSet.isHashSet(value)) return call("HashSet.fromIterable", list(value))
  const name = value.constructor.name
  const fields = Object.entries(value).filter(([key]) => key !== "_tag")
  if (value instanceof Error && fields.length === 0 && value.message !== "") {
    return call(`new ${name}`, JSON.stringify(value.message))
  }
  return fields.length === 0 ? `new ${name}()` : call(`new ${name}`, recordDoc(fields, above))
}

const isoOrNaN = (date: Date): string => (Number.isNaN(date.getTime()) ? "NaN" : JSON.stringify(date.toISOString()))

const recordDoc = (entries: ReadonlyArray<readonly [string, unknown]>, above: ReadonlySet<object>): Group => ({
  open: "{",
  items: entries.map(([key, item]) => [`${keyOf(key)}: `, docOf(item, above)] as const),
  close: "}",
  spaced: true
})

const keyOf = (key: string): string =>
  key === "__proto__" ? `["__proto__"]` : /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? key : JSON.stringify(key)
