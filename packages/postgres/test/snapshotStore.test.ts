// The snapshot store keeps its laws, joins the caller's transaction, and says what it cannot hold.
import { suite } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import { SnapshotStore } from "evolvent/SnapshotStore"
import type { Snapshot } from "evolvent/SnapshotStore"
import * as StreamName from "evolvent/StreamName"
import { describe, expect, it } from "vitest"
import * as Database from "../src/internal/Database.ts"
import * as snapshots from "../src/internal/snapshotStore.ts"
import { fresh } from "./support/FreshSchema.ts"

const { layer, run, sql } = await fresh()

suite("SnapshotStore on PostgreSQL", layer, { describe, it, services: ["SnapshotStore"] })

const snapshotOf = (id: string, state: string, fingerprint = "f"): Snapshot => ({
  stream: StreamName.make("Account", id),
  fingerprint,
  revision: Revision.make(1),
  position: Position.make(2),
  state
})

it("keeps long stream names, and states with escapes, depth and many bytes", () =>
  run(
    Effect.gen(function* () {
      const store = yield* SnapshotStore
      const id = Array.from({ length: 1990 }, (_, i) => String.fromCharCode(33 + ((i * i * 31) % 90))).join("")
      const states = [
        JSON.stringify("\u0000 \ud800"),
        `${"[".repeat(20_000)}${"]".repeat(20_000)}`,
        JSON.stringify("x".repeat(15e6))
      ]
      for (const state of states) {
        yield* store.save(snapshotOf(id, state))
        expect((yield* store.load(StreamName.make("Account", id), "f"))?.state === state).toBe(true)
      }
    })
  ))

it("joins the caller's transaction", () =>
  run(
    Effect.gen(function* () {
      const store = yield* SnapshotStore
      const one = snapshotOf("joined", "1")
      yield* Effect.flip(sql.withTransaction(Effect.andThen(store.save(one), Effect.fail("no"))))
      expect(yield* store.load(one.stream, one.fingerprint)).toBe(undefined)
    })
  ))

it("refuses what it could not give back", () =>
  run(
    Effect.gen(function* () {
      const store = yield* SnapshotStore
      const unstorable: ReadonlyArray<readonly [Snapshot, RegExp]> = [
        [snapshotOf("x".repeat(2600), "1"), /Account-x+, or its fingerprint, is too long/],
        [snapshotOf("a", "1", "\u0000"), /or its fingerprint, holds the NUL/],
        [snapshotOf("a", `"${String.fromCharCode(0xdc00)}"`), /the state of Account-a holds half/],
        [snapshotOf("a", `"${"x".repeat(17e6)}"`), /the state of Account-a has 17000002 bytes/]
      ]
      for (const [one, words] of unstorable) {
        const error = yield* Effect.flip(store.save(one))
        expect(error._tag).toBe("SnapshotStoreError")
        expect(error.message).toMatch(words)
        expect(yield* store.load(one.stream, one.fingerprint)).toBe(undefined)
      }
    })
  ))

it("says when the schema is not migrated", () =>
  run(
    Effect.gen(function* () {
      const nowhere = snapshots.make(Database.make(sql, "nowhere"))
      const { stream } = snapshotOf("a", "1")
      const calls: ReadonlyArray<Effect.Effect<unknown, Error>> = [
        nowhere.load(stream, "f"),
        nowhere.save(snapshotOf("a", "1")),
        nowhere.remove(stream)
      ]
      for (const call of calls) expect((yield* Effect.flip(call)).message).toContain("Run the migrations")
    })
  ))
