// What a row may be on NATS: any key that a subject has room for, any text that a message has room for; the rest is refused.
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Position from "evolvent/Position"
import type { EncodedRow } from "evolvent/ReadModelStore"
import { expect, it } from "vitest"
import { RequestFailed } from "../src/NatsError.ts"
import { everything, keep, layoutOf, row, shown, tableOf } from "./support/keeping.ts"
import { serve } from "./support/served.ts"

const server = await serve({ version: process.env["NATS_VERSION"] })
const layout = layoutOf("kinds")
const keeping = keep(server.url, layout)

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> => Effect.runPromise(Effect.scoped(effect))

it("keeps keys, texts and the values of indexes exactly, in rows and in lists", () =>
  run(
    Effect.gen(function* () {
      const [one, two] = [(yield* keeping).rows, (yield* keeping).rows]
      const table = tableOf('\'s "own" 😀 * > .')
      const odd: EncodedRow = {
        key: "k".repeat(1000),
        position: Position.make(Number.MAX_SAFE_INTEGER),
        row: ` {\n\t"a" : "\u2028\u0000 😀"  }\r\n`,
        index: {
          zero: 0,
          minus: -0,
          tiny: 5e-324,
          huge: 1.7976931348623157e308,
          big: -(10n ** 400n),
          half: "\ud800",
          text: "  line\r\nline\u2028\u007f\u0000 é😀 ",
          empty: "",
          yes: true,
          no: false,
          "": "no name",
          __proto__x: 1,
          "a: b\r\nC: d": "injected"
        }
      }
      const keys = [
        "",
        " ",
        ".",
        "*",
        ">",
        "a.b",
        "a..b",
        "=",
        "=2E",
        "\u0000",
        "\r\n",
        "é",
        "e\u0301",
        "😀",
        "k".repeat(999)
      ]
      yield* one.apply(table, [odd, ...keys.map((key) => row(key, 1))])
      expect(yield* two.get(table, [odd.key])).toEqual([odd])
      const listed = yield* two.list(table, everything)
      const found = listed.find(({ key }) => key === odd.key)
      expect(found).toEqual(odd)
      expect(Object.is(found?.index["minus"], -0)).toBe(true)
      expect(Object.is(found?.index["zero"], 0)).toBe(true)
      expect(new Set(listed.map(({ key }) => key))).toEqual(new Set([odd.key, ...keys]))
      expect(yield* two.get(table, keys)).toHaveLength(keys.length)
    })
  ))

it("refuses rows that it has no room for, and writes nothing of their batch", () =>
  run(
    Effect.gen(function* () {
      const { jetstream, rows } = yield* keeping
      const table = tableOf()
      const { maxPayload } = yield* jetstream.client.server
      const refused: ReadonlyArray<readonly [what: string, bad: EncodedRow, problem: string]> = [
        ["a long key", row("k".repeat(2000), 1), "NATS has room for"],
        ["a key of many bytes", row("😀".repeat(200), 1), "NATS has room for"],
        ["half a pair in its key", row("\ud800", 1), "half of a surrogate pair"],
        ["half a pair in its text", { ...row("a", 1), row: `"\ud800"` }, "half of a surrogate pair"],
        ["a long text", { ...row("a", 1), row: "x".repeat(maxPayload) }, `and the server takes ${maxPayload}`],
        ["a text of many bytes", { ...row("a", 1), row: "é".repeat(maxPayload / 2) }, `the server takes ${maxPayload}`],
        ["a long index", row("a", 1, { text: "x".repeat(70_000) }), "headers have room for"]
      ]
      for (const [what, bad, problem] of refused) {
        const error = yield* Effect.flip(rows.apply(table, [row("good", 1), bad]))
        expect(error.reason._tag, what).toBe("UnstorableRow")
        expect(error.message, what).toContain(problem)
        expect(error.isRetryable, what).toBe(false)
      }
      const bad = refused.map(([, { key }]) => key)
      expect(yield* rows.get(table, ["good", ...bad]), "what was written").toEqual([])
      expect(yield* rows.list(table, everything)).toEqual([])
      const large = { ...row("large", 1, { text: "é".repeat(9000) }), row: "x".repeat(maxPayload - 70_000) }
      yield* rows.apply(table, [large])
      expect(yield* rows.get(table, ["large"])).toEqual([large])
      expect(yield* rows.list(table, everything)).toEqual([large])
    })
  ))

it("says which row somebody else has put there, takes a deleted key for no row, and mends both", () =>
  run(
    Effect.gen(function* () {
      const { jetstream, rows } = yield* keeping
      const table = tableOf()
      yield* rows.apply(table, [row("a", 5), row("b", 5)])
      const subjectOf = (key: string) =>
        Effect.map(jetstream.last(layout.rows.name, `$KV.kinds_rows.*.${key}`), (found) => found?.subject ?? "")
      const [a, b] = [yield* subjectOf("a"), yield* subjectOf("b")]
      yield* jetstream.publish(b, "", [["KV-Operation", "DEL"]])
      expect(shown(yield* rows.get(table, ["a", "b"]))).toEqual(["a @5"])
      expect(shown(yield* rows.list(table, everything))).toEqual(["a @5"])
      yield* rows.apply(table, [row("b", 1)])
      for (const headers of [
        [],
        [["Ev-Position", "x"]],
        [
          ["Ev-Position", "1"],
          ["Ev-Index", "[1"]
        ]
      ] as const) {
        yield* jetstream.publish(a, "{}", headers)
        for (const reading of [rows.get(table, ["a", "b"]), rows.list(table, everything)]) {
          const error = yield* Effect.flip(reading)
          expect(error.reason).toMatchObject({ _tag: "UndecodableRow", projection: table.name, key: "a" })
          expect(error.message).toContain("was not written by evolvent")
        }
      }
      yield* rows.apply(table, [row("a", 1)])
      expect(shown(yield* rows.list(table, everything))).toEqual(["a @1", "b @1"])
    })
  ))

it("is unavailable, and says so, where the server does not answer, and unsupported where one may not ask", () =>
  run(
    Effect.gen(function* () {
      const broken = (why: RequestFailed["why"]) =>
        keep(server.url, layout, {
          breaking: (jetstream) => ({
            ...jetstream,
            last: (_, subject) => Effect.fail(new RequestFailed({ subject, why, problem: "this test broke it" }))
          })
        })
      const away = (yield* broken("TimedOut")).rows
      const table = tableOf()
      for (const [operation, effect] of [
        ["get", away.get(table, ["a"])],
        ["apply", away.apply(table, [row("a", 1)])],
        ["list", away.list(table, everything)],
        ["drop", away.drop(table)]
      ] as const) {
        const error = yield* Effect.flip(Effect.asVoid(effect))
        expect(error.operation).toBe(`ReadModelStore.${operation}`)
        expect(error.reason._tag).toBe("Unavailable")
      }
      const error = yield* Effect.flip((yield* broken("Refused")).rows.get(table, ["a"]))
      expect(error.reason._tag).toBe("Unsupported")
      expect(error.isRetryable).toBe(false)
    })
  ))
