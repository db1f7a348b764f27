// The order's contract: golden files of every version of its events, which the code keeps. `UPDATE_CONTRACT=1` writes new ones.
import { describe, expect, it } from "@effect/vitest"
import { contract, type Folder } from "@evolvent/testing"
import { Effect } from "effect"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Order } from "./domain.ts"

const folderAt = (directory: URL): Folder => {
  mkdirSync(directory, { recursive: true })
  const path = (file: string) => fileURLToPath(new URL(file, directory))
  return {
    list: () => readdirSync(directory),
    read: (file) => readFileSync(path(file), "utf8"),
    write: (file, text) => writeFileSync(path(file), text)
  }
}

const folder = folderAt(new URL("contract/", import.meta.url))

describe("the contract of orders", () => {
  it.effect("is kept: what was stored in any year is read as it was", () =>
    Effect.gen(function* () {
      const { kept, written } = yield* contract(Order, { folder, update: process.env["UPDATE_CONTRACT"] === "1" })
      expect([...kept, ...written].filter((file) => file.startsWith("Created"))).toEqual([
        "Created.1.json",
        "Created.2.json",
        "Created.3.json"
      ])
    })
  )

  it.effect("would be broken by another fold", () =>
    Effect.gen(function* () {
      const Cheaper: typeof Order = {
        ...Order,
        evolve: (state, event) => {
          const after = Order.evolve(state, event)
          return event._tag === "ItemAdded" ? { ...after, total: state.total + event.item.price } : after
        }
      }
      const { message } = yield* Effect.flip(contract(Cheaper, { folder }))
      expect(message).toMatch(/ItemAdded\.1\.json: sample \d of version 1 of "ItemAdded" folds to another state/)
    })
  )
})
