// Broken read model stores, one for each law of a read model store.
import * as Effect from "effect/Effect"
import type { Condition, EncodedRow, IndexValue, Query, Table } from "evolvent/ReadModelStore"
import type { Break, Mutant, ReadModels } from "./Mutant.ts"

const store = (change: (whole: ReadModels) => Partial<ReadModels>): Break => ({
  readModels: (whole) => ({ ...whole, ...change(whole) })
})

/** A store that keeps rows under another name. */
const tables = (change: (table: Table) => Table): Break =>
  store(({ apply, drop, get, list }) => ({
    get: (table, keys) => get(change(table), keys),
    apply: (table, rows) => apply(change(table), rows),
    list: (table, query) => list(change(table), query),
    drop: (table) => drop(change(table))
  }))

/** A store that writes other rows. */
const writes = (change: (rows: ReadonlyArray<EncodedRow>) => ReadonlyArray<EncodedRow>): Break =>
  store(({ apply }) => ({ apply: (table, rows) => apply(table, change(rows)) }))

const unguarded = store(({ apply, get }) => ({
  apply: (table, rows) =>
    Effect.gen(function* () {
      for (const row of rows) {
        const [old] = yield* get(table, [row.key])
        if (old !== undefined && old.position > row.position && row.row !== undefined) {
          yield* apply(table, [{ ...old, row: undefined, index: {} }])
        }
      }
      yield* apply(table, rows)
    })
}))

const composed = store(({ apply, get }) => ({
  apply: (table, rows) =>
    apply(
      table,
      rows.map((row) => ({ ...row, key: row.key.normalize("NFC") }))
    ),
  get: (table, keys) =>
    get(
      table,
      keys.map((key) => key.normalize("NFC"))
    )
}))

const neverAgain = store(({ apply }) => {
  const removed = new Set<string>()
  return {
    apply: (table, rows) => {
      const kept = rows.filter(({ key }) => !removed.has(key))
      for (const { key, row } of rows) if (row === undefined) removed.add(key)
      return apply(table, kept)
    }
  }
})

/** Knows when a transaction of the checkpoint store runs. */
const within = (change: (whole: ReadModels, inside: () => number | undefined) => Partial<ReadModels>) => (): Break => {
  let running: number | undefined
  let count = 0
  return {
    checkpoints: (whole) => ({
      ...whole,
      transact: (move, writes) =>
        Effect.suspend(() => {
          running = ++count
          return Effect.ensuring(
            whole.transact(move, writes),
            Effect.sync(() => (running = undefined))
          )
        })
    }),
    readModels: (whole) => ({ ...whole, ...change(whole, () => running) })
  }
}

const onlyFirst = within(({ apply }, inside) => {
  let last: number | undefined
  return {
    apply: (table, rows) =>
      Effect.suspend(() => {
        const now = inside()
        if (now !== undefined && now === last) return Effect.void
        last = now
        return apply(table, rows)
      })
  }
})

const removesAtOnce = store(({ apply }) => ({
  apply: (table, rows) => {
    const removed = rows.filter(({ row }) => row === undefined)
    // A fiber of its own knows of no transaction.
    const now = Effect.promise(() => Effect.runPromise(apply(table, removed)))
    return Effect.andThen(removed.length === 0 ? Effect.void : now, apply(table, rows))
  }
}))

const dirty = within(({ apply, list }, inside) => {
  const pending = new Map<string, EncodedRow>()
  let owner: number | undefined
  return {
    apply: (table, rows) =>
      Effect.suspend(() => {
        if (owner !== inside()) pending.clear()
        owner = inside()
        if (owner !== undefined) for (const row of rows) pending.set(row.key, row)
        return apply(table, rows)
      }),
    list: (table, query) =>
      Effect.map(list(table, query), (rows) =>
        inside() === undefined ? rows : rows.map((row) => pending.get(row.key) ?? row)
      )
  }
})

const rows: ReadonlyArray<Mutant> = [
  {
    law: "ReadModelStore 1",
    breaks: "an empty batch empties the table",
    by: store(({ apply, drop }) => ({ apply: (table, rows) => (rows.length === 0 ? drop(table) : apply(table, rows)) }))
  },
  { law: "ReadModelStore 2", breaks: "a removed row never comes back", by: neverAgain },
  { law: "ReadModelStore 3", breaks: "an earlier position overwrites a later one", by: unguarded },
  {
    law: "ReadModelStore 4",
    breaks: "removed rows leave no position, though batches do not commit with the checkpoint",
    by: store(() => ({ capabilities: { atomicBatch: false } }))
  },
  { law: "ReadModelStore 5", breaks: "keys are brought to one form of Unicode", by: composed },
  { law: "ReadModelStore 6", breaks: "a batch ends after 1000 rows", by: writes((rows) => rows.slice(0, 1000)) },
  {
    law: "ReadModelStore 7",
    breaks: "names of tables are cut at 24 characters",
    by: tables((table) => ({ ...table, name: table.name.slice(0, 24) }))
  },
  { law: "ReadModelStore 8", breaks: "dropping a table does nothing", by: store(() => ({ drop: () => Effect.void })) },
  { law: "ReadModelStore 9", breaks: "only the first batch of a transaction is written", by: onlyFirst },
  { law: "ReadModelStore 10", breaks: "rows are removed before the checkpoint moves", by: removesAtOnce },
  { law: "ReadModelStore 11", breaks: "others see what is not committed yet", by: dirty }
]

/** A store that answers another query. */
const asks = (change: (query: Query, table: Table) => Query): Break =>
  store(({ list }) => ({ list: (table, query) => list(table, change(query, table)) }))

type Kind = Table["indexes"][number]["kind"]

/** A store that takes the conditions on an index of one kind for others. */
const conditions = (kind: Kind, change: (condition: Condition) => Condition): Break =>
  asks((query, table) => ({
    ...query,
    where: query.where.map((one) =>
      table.indexes.some((index) => index.field === one.field && index.kind === kind) ? change(one) : one
    )
  }))

const equality = (kind: Kind, change: (value: IndexValue) => ReadonlyArray<IndexValue>): Break =>
  conditions(kind, (one) => (one.op === "in" ? { ...one, values: one.values.flatMap(change) } : one))

const comparison = (kind: Kind, from: "gt" | "lt" | "lte", to: "gte" | "lte" | "lt"): Break =>
  conditions(kind, (one) => (one.op === from ? { field: one.field, op: to, value: one.value } : one))

const queries: ReadonlyArray<Mutant> = [
  {
    law: "ReadModelStore 12.1",
    breaks: "texts are equal whatever their case",
    by: equality("string", (value) => [value, String(value).toUpperCase(), String(value).toLowerCase()])
  },
  {
    law: "ReadModelStore 12.2",
    breaks: "numbers are equal as integers",
    by: equality("number", (value) => [Math.trunc(Number(value))])
  },
  {
    law: "ReadModelStore 12.3",
    breaks: "false finds everything",
    by: equality("boolean", (value) => (value === false ? [true, false] : [value]))
  },
  {
    law: "ReadModelStore 12.4",
    breaks: "bigints have 64 bits",
    by: equality("bigint", (value) => [BigInt.asIntN(64, BigInt(value))])
  },
  {
    law: "ReadModelStore 12.5",
    breaks: "instants are whole seconds",
    by: equality("instant", (value) => [Math.floor(Number(value) / 1000) * 1000])
  },
  { law: "ReadModelStore 13.1", breaks: "less than a text is up to it", by: comparison("string", "lt", "lte") },
  { law: "ReadModelStore 13.2", breaks: "up to a number is less than it", by: comparison("number", "lte", "lt") },
  { law: "ReadModelStore 13.3", breaks: "more than false is false, too", by: comparison("boolean", "gt", "gte") },
  { law: "ReadModelStore 13.4", breaks: "less than a bigint is up to it", by: comparison("bigint", "lt", "lte") },
  { law: "ReadModelStore 13.5", breaks: "up to an instant is before it", by: comparison("instant", "lte", "lt") },
  {
    law: "ReadModelStore 14",
    breaks: "only the first condition counts",
    by: asks((query) => ({ ...query, where: query.where.slice(0, 1) }))
  }
]

/** A store that brings what it found into another order. */
const sorts = (
  when: (query: Query, rows: ReadonlyArray<EncodedRow>) => boolean,
  order: (a: EncodedRow, b: EncodedRow) => number
): Break =>
  store(({ list }) => ({
    list: (table, query) =>
      Effect.map(list(table, query), (rows) =>
        when(query, rows) ? rows.toSorted((a, b) => (query.direction === "asc" ? 1 : -1) * order(a, b)) : rows
      )
  }))

const byKey = (a: EncodedRow, b: EncodedRow): number => (a.key < b.key ? -1 : 1)

const offsets = store(({ list }) => {
  const given = new Map<string, number>()
  return {
    list: (table, query) =>
      Effect.gen(function* () {
        const { after, ...rest } = query
        const id = (key: string | undefined) =>
          JSON.stringify([table.name, query.orderBy, query.direction, query.limit, query.where.length, key])
        const offset = after === undefined ? 0 : given.get(id(after.key))
        if (offset === undefined) return yield* list(table, query)
        const rows = (yield* list(table, { ...rest, after: undefined, limit: offset + query.limit })).slice(offset)
        // A caller that asks for one more than it shows goes on from the one before.
        rows.forEach(({ key }, i) => given.set(id(key), offset + i + 1))
        return rows
      })
  }
})

const orders: ReadonlyArray<Mutant> = [
  {
    law: "ReadModelStore 15",
    breaks: "some values asked for come in order of the key",
    by: asks((query) => (query.where.some(({ op }) => op === "in") ? { ...query, orderBy: undefined } : query))
  },
  {
    law: "ReadModelStore 16",
    breaks: "keys are in a dictionary's order",
    by: sorts(
      ({ limit, orderBy }) => orderBy === undefined && limit >= 10_000,
      (a, b) => a.key.localeCompare(b.key)
    )
  },
  {
    law: "ReadModelStore 17",
    breaks: "bigints are ordered as numbers",
    by: sorts(
      ({ orderBy }, rows) => orderBy === "g" && rows.some(({ index }) => index["g"] === 10n ** 30n),
      (a, b) => Number(a.index["g"]) - Number(b.index["g"]) || byKey(a, b)
    )
  },
  {
    law: "ReadModelStore 18",
    breaks: "a page of five leaves out what ties with the page before",
    by: asks((query) =>
      query.limit === 5 && query.after !== undefined && query.orderBy !== undefined && query.direction === "asc"
        ? { ...query, after: { ...query.after, key: "\u{10ffff}" } }
        : query
    )
  },
  { law: "ReadModelStore 19", breaks: "pages are counted from the beginning", by: offsets },
  {
    law: "ReadModelStore 20",
    breaks: "the index of a projection's bigint comes back as text",
    by: store(({ list }) => ({
      list: (table, query) =>
        Effect.map(list(table, query), (rows) =>
          rows.map((row) => {
            const { weight } = row.index
            return weight === undefined ? row : { ...row, index: { ...row.index, weight: String(weight) } }
          })
        )
    }))
  }
]

export const readModelStore: ReadonlyArray<Mutant> = [...rows, ...queries, ...orders]
