// The snapshot store keeps its laws, and says what it cannot hold.
import { suite } from "@evolvent/testing/conformance"
import { describe, it } from "vitest"
import { fresh } from "./support/FreshSchema.ts"

const { layer } = await fresh()

suite("SnapshotStore on PostgreSQL", layer, { describe, it, services: ["SnapshotStore"] })
