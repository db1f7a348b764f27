// Suite: registers the laws with a test runner, one test a law, each with a new build of the layer.
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Bus } from "evolvent/Bus"
import * as CheckpointStores from "evolvent/CheckpointStore"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import * as EventStores from "evolvent/EventStore"
import type { EventStore } from "evolvent/EventStore"
import * as ReadModelStores from "evolvent/ReadModelStore"
import type { ReadModelStore } from "evolvent/ReadModelStore"
import type { SnapshotStore } from "evolvent/SnapshotStore"
import * as AggregateLaws from "./AggregateLaws.ts"
import * as ArchiveLaws from "./ArchiveLaws.ts"
import * as AuditLaws from "./AuditLaws.ts"
import * as BusLaws from "./BusLaws.ts"
import * as Check from "./Check.ts"
import * as CheckpointStoreLaws from "./CheckpointStoreLaws.ts"
import * as EventStoreLaws from "./EventStoreLaws.ts"
import * as InboxLaws from "./InboxLaws.ts"
import type { Law } from "./Law.ts"
import * as ProcessorLaws from "./ProcessorLaws.ts"
import * as ReadModelStoreLaws from "./ReadModelStoreLaws.ts"
import * as RelayLaws from "./RelayLaws.ts"
import * as SnapshotStoreLaws from "./SnapshotStoreLaws.ts"

/** What each suite is about, and the services that its laws need. */
export interface Suites {
  readonly EventStore: EventStore
  readonly SnapshotStore: SnapshotStore
  readonly CheckpointStore: CheckpointStore | EventStore
  readonly ReadModelStore: ReadModelStore | CheckpointStore
  readonly Aggregate: EventStore | SnapshotStore
  readonly Processor: EventStore | CheckpointStore | ReadModelStore
  readonly Bus: Bus
  readonly Inbox: Bus | CheckpointStore | EventStore | ReadModelStore
  readonly Relay: Bus | EventStore | CheckpointStore
  readonly Audit: EventStore | CheckpointStore | ReadModelStore
  readonly Archive: CheckpointStore | EventStore | ReadModelStore | SnapshotStore
}

/** The laws by suite: five services, and the functions that run on them. */
export const laws: { readonly [S in keyof Suites]: ReadonlyArray<Law<Suites[S]>> } = {
  EventStore: EventStoreLaws.laws,
  SnapshotStore: SnapshotStoreLaws.laws,
  CheckpointStore: CheckpointStoreLaws.laws,
  ReadModelStore: ReadModelStoreLaws.laws,
  Aggregate: AggregateLaws.laws,
  Processor: ProcessorLaws.laws,
  Bus: BusLaws.laws,
  Inbox: InboxLaws.laws,
  Relay: RelayLaws.laws,
  Audit: AuditLaws.laws,
  Archive: ArchiveLaws.laws
}

/** The names of the suites. */
export const suites = Object.keys(laws) as ReadonlyArray<keyof Suites>

/** What a test runner must offer: `describe` and `it` of vitest, of `node:test` or of Bun. */
export interface Runner {
  readonly describe: (name: string, body: () => void) => unknown
  readonly it: (name: string, body: () => Promise<void>, timeout?: number) => unknown
}

/** What a backend can promise beyond the laws, of all its services. */
export type Capabilities = EventStores.Capabilities & CheckpointStores.Capabilities & ReadModelStores.Capabilities

/** How a suite is run. */
export interface Options<S extends keyof Suites> extends Runner {
  /** What the backend is known to promise: one more test compares it with what its services declare. */
  readonly capabilities?: Partial<Capabilities>
  /** Which suites; all unless given. A layer of some services need only provide what these need. */
  readonly services?: ReadonlyArray<S>
}

/** Compares what the services of a layer declare with what is expected of them. */
const declares = (expected: Partial<Capabilities>): Effect.Effect<void, Check.Broken> =>
  Effect.gen(function* () {
    const events = yield* Effect.serviceOption(EventStores.EventStore)
    const checkpoints = yield* Effect.serviceOption(CheckpointStores.CheckpointStore)
    const readModels = yield* Effect.serviceOption(ReadModelStores.ReadModelStore)
    const declared: Partial<Capabilities> = {
      ...Option.getOrUndefined(events)?.capabilities,
      ...Option.getOrUndefined(checkpoints)?.capabilities,
      ...Option.getOrUndefined(readModels)?.capabilities
    }
    yield* Check.equal("looked at what the services declare", { ...declared, ...expected }, declared)
  })

/**
 * Registers the laws of a backend: in a test file of a few lines.
 *
 * Each law runs against a new build of the layer and makes up its own names, so the layer may lead to one database that
 * all laws share and that others use, too. Laws about something that the backend does not have, as its `capabilities`
 * declare, check that it says so.
 *
 * ```ts
 * import { suite } from "@evolvent/testing/conformance"
 * import * as Memory from "evolvent/Memory"
 *
 * // In a test file these two come from vitest.
 * const describe = (name: string, body: () => void) => body()
 * const it = (name: string, body: () => Promise<void>) => undefined
 *
 * suite("Memory", Memory.layer, { describe, it })
 * suite("Memory's log", Memory.layer, { describe, it, services: ["EventStore"] })
 * ```
 */
export const suite = <E, S extends keyof Suites = keyof Suites>(
  name: string,
  layer: Layer.Layer<Suites[NoInfer<S>], E>,
  options: Options<S>
): void => {
  const { describe, it } = options
  const register = <T extends S>(service: T) =>
    describe(service, () => {
      for (const { id, run } of laws[service]) {
        it(id, () => Effect.runPromise(Effect.provide(run, layer)), timeout)
      }
    })
  describe(name, () => {
    const { capabilities } = options
    if (capabilities !== undefined) {
      const run = declares(capabilities)
      it("declares its capabilities", () => Effect.runPromise(Effect.provide(run, layer)), timeout)
    }
    for (const service of options.services ?? (suites as ReadonlyArray<S>)) register(service)
  })
}

// Longer than any law's own limit, which has the better message.
const timeout = 120_000
