// Contracts: what golden files hold, and every way in which code may break what they say.
import { it } from "@effect/vitest"
import { contract } from "@evolvent/testing"
import type { Folder } from "@evolvent/testing"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import * as Upcaster from "evolvent/Upcaster"
import { describe, expect } from "vitest"

/** A folder in memory. */
const folderOf = (files = new Map<string, string>()): Folder & { readonly files: Map<string, string> } => ({
  files,
  list: () => [...files.keys()],
  read: (file) => files.get(file) ?? "",
  write: (file, text) => void files.set(file, text)
})

interface Added {
  readonly _tag: "Added"
  readonly amount: number
}

interface Options {
  readonly upcast?: unknown
  readonly stateVersion?: number
  readonly times?: number
}

/** A sum of amounts, by events of any shape that have one; their other fields are nobody's business here. */
const sum = (event: Schema.ConstraintCodec<Added, unknown>, { times = 1, ...options }: Options = {}) =>
  Aggregate.make("Sum", {
    command: Schema.TaggedUnion({ Add: {} }),
    event,
    state: Schema.Struct({ total: Schema.Int }),
    initial: { total: 0 },
    ...(options as { readonly upcast?: Upcaster.Upcaster<Added>; readonly stateVersion?: number })
  })({ decide: () => [], evolve: ({ total }, { amount }) => ({ total: total + times * amount }) })

const first = Schema.TaggedUnion({ Added: { amount: Schema.Int } })
const second = Schema.TaggedUnion({ Added: { amount: Schema.Int, by: Schema.String } })
const third = Schema.TaggedUnion({ Added: { amount: Schema.Int, by: Schema.String, note: Schema.String } })

const toSecond = Upcaster.make(second)({
  Added: (added) => added.from({ amount: Schema.Int }).toCurrent((v1) => ({ ...v1, by: "" }))
})
const toThird = Upcaster.make(third)({
  Added: (added) =>
    added
      .from({ amount: Schema.Int })
      .to({ amount: Schema.Int, by: Schema.String }, (v1) => ({ ...v1, by: "" }))
      .toCurrent((v2) => ({ ...v2, note: "" }))
})

const S1 = sum(first)
const S2 = sum(second, { upcast: toSecond })
const S3 = sum(third, { upcast: toThird })

const update = true
const broken = <A, R>(effect: Effect.Effect<A, { readonly message: string }, R>) =>
  Effect.map(Effect.flip(effect), ({ message }) => message)

describe("golden files", () => {
  it.effect("are written when asked, one for each version, and hold from then on", () =>
    Effect.gen(function* () {
      const folder = folderOf()
      expect(yield* broken(contract(S1, { folder }))).toMatch(
        /Added\.1\.json is missing: version 1 of "Added" is new.*update: true/
      )
      expect(yield* contract(S1, { folder, update })).toEqual({ kept: [], written: ["Added.1.json"] })
      expect(yield* contract(S1, { folder })).toEqual({ kept: ["Added.1.json"], written: [] })
      const before = folder.files.get("Added.1.json")
      expect(yield* contract(S2, { folder, update })).toEqual({ kept: ["Added.1.json"], written: ["Added.2.json"] })
      expect(yield* contract(S3, { folder, update })).toEqual({
        kept: ["Added.1.json", "Added.2.json"],
        written: ["Added.3.json"]
      })
      expect(folder.files.get("Added.1.json")).toBe(before)
      const golden = JSON.parse(before ?? "") as {
        samples: ReadonlyArray<{ data: { amount: number }; state: unknown }>
      }
      expect(golden).toMatchObject({
        type: "Added",
        schemaVersion: 1,
        schema: { schema: { required: ["_tag", "amount"] } }
      })
      const total = golden.samples.reduce((all, { data }) => all + data.amount, 0)
      expect(golden.samples.at(-1)?.state).toEqual({ total })
    })
  )

  it.effect("are the same ones wherever they are written", () =>
    Effect.gen(function* () {
      const [one, other] = [folderOf(), folderOf()]
      yield* contract(S3, { folder: one, update })
      yield* contract(S3, { folder: other, update })
      expect([...one.files]).toEqual([...other.files])
      expect(one.files.size).toBe(3)
    })
  )

  it.effect("do not mind words that change nothing", () =>
    Effect.gen(function* () {
      const folder = folderOf()
      yield* contract(S1, { folder, update })
      const described = Schema.TaggedUnion({ Added: { amount: Schema.Int.annotate({ description: "in grams" }) } })
      expect((yield* contract(sum(described), { folder })).kept).toEqual(["Added.1.json"])
    })
  )
})

const written = (aggregate: ReturnType<typeof sum>) =>
  Effect.gen(function* () {
    const folder = folderOf()
    yield* contract(aggregate, { folder, update })
    return folder
  })

describe("a contract is broken", () => {
  it.effect("where a version was edited instead of added", () =>
    Effect.gen(function* () {
      const folder = yield* written(S1)
      for (const options of [{ folder }, { folder, update }]) {
        const message = yield* broken(contract(sum(second), options))
        expect(message).toMatch(
          /Added\.1\.json: version 1 of "Added" was edited.*as history.*today's shape is version 2/s
        )
      }
      // A tighter check is another shape as well: what is stored may not pass it.
      const tighter = Schema.TaggedUnion({
        Added: { amount: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })) }
      })
      expect(yield* broken(contract(sum(tighter), { folder }))).toContain("was edited")
    })
  )

  it.effect("where the history was edited, or a version put in between", () =>
    Effect.gen(function* () {
      const folder = yield* written(S2)
      const otherPast = Upcaster.make(second)({
        Added: (added) => added.from({ sum: Schema.Int }).toCurrent(({ sum }) => ({ amount: sum, by: "" }))
      })
      const message = yield* broken(contract(sum(second, { upcast: otherPast }), { folder, update }))
      expect(message).toMatch(/the history says otherwise than before what version 1 of "Added" was/)
      const between = Upcaster.make(second)({
        Added: (added) =>
          added
            .from({ amount: Schema.Int })
            .to({ half: Schema.Int }, ({ amount }) => ({ half: amount }))
            .toCurrent(({ half }) => ({ amount: half, by: "" }))
      })
      expect(yield* broken(contract(sum(second, { upcast: between }), { folder, update }))).toMatch(
        /Added\.2\.json: the history says otherwise/
      )
    })
  )

  it.effect("where a version that may be stored is not known any more", () =>
    Effect.gen(function* () {
      const folder = yield* written(S2)
      const two = Upcaster.make(second)({})
      const message = yield* broken(contract(sum(second, { upcast: two }), { folder }))
      expect(message).toMatch(
        /Added\.2\.json: version 2 of "Added" may be stored, and this code does not know it any more/
      )
      const both = Schema.TaggedUnion({ Added: { amount: Schema.Int }, Taken: { amount: Schema.Int } })
      const gone = yield* written(sum(both as never))
      expect(yield* broken(contract(S1, { folder: gone }))).toMatch(/Taken\.1\.json.*retired/s)
    })
  )

  it.effect("where a sample can no longer be decoded", () =>
    Effect.gen(function* () {
      const folder = yield* written(S2)
      const throwing = Upcaster.make(second)({
        Added: (added) =>
          added.from({ amount: Schema.Int }).toCurrent(() => {
            throw new Error("not these")
          })
      })
      expect(yield* broken(contract(sum(second, { upcast: throwing }), { folder }))).toMatch(
        /sample 0 of version 1 of "Added" can no longer be decoded: .*threw Error: not these/
      )
    })
  )

  it.effect("where the history has a hole", () =>
    Effect.gen(function* () {
      const folder = yield* written(S3)
      folder.files.delete("Added.2.json")
      expect(yield* broken(contract(S3, { folder, update }))).toMatch(
        /Added\.2\.json is missing, while Added\.3\.json is there: the history of Added has a hole/
      )
    })
  )

  it.effect("where a fold has changed without a new stateVersion", () =>
    Effect.gen(function* () {
      const folder = yield* written(S1)
      for (const options of [{ folder }, { folder, update }]) {
        expect(yield* broken(contract(sum(first, { times: 2 }), options))).toMatch(
          /folds to another state than it did, and stateVersion is still 1\..*was: .*is: .*set stateVersion to 2/s
        )
      }
      const bumped = sum(first, { times: 2, stateVersion: 2 })
      expect(yield* broken(contract(bumped, { folder }))).toMatch(/another stateVersion.*update: true/s)
      expect(yield* contract(bumped, { folder, update })).toEqual({ kept: [], written: ["Added.1.json"] })
      expect((yield* contract(bumped, { folder })).kept).toEqual(["Added.1.json"])
    })
  )

  it.effect("where a file is no file of it, and all that is wrong is told at once", () =>
    Effect.gen(function* () {
      const folder = yield* written(S2)
      folder.files.set("Added.1.json", "<<<<<<< HEAD")
      const message = yield* broken(contract(sum(second, { upcast: toSecond, times: 3 }), { folder }))
      expect(message).toMatch(/Added\.1\.json is no file of a contract any more/)
      expect(message).toMatch(/Added\.2\.json: sample/)
    })
  )
})
