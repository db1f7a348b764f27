// Subject: the functions that laws of aggregates, processors, relays and inboxes exercise.
import * as Context from "effect/Context"
import * as Aggregate from "evolvent/Aggregate"
import * as Bus from "evolvent/Bus"
import * as Processor from "evolvent/Processor"
import * as ReadModel from "evolvent/ReadModel"

/** What is written once above all backends, and tested on each. */
export interface Functions {
  readonly execute: typeof Aggregate.execute
  readonly load: typeof Aggregate.load
  readonly run: typeof Processor.run
  readonly waitFor: typeof Processor.waitFor
  readonly status: typeof Processor.status
  readonly parked: typeof Processor.parked
  readonly retry: typeof Processor.retry
  readonly drop: typeof Processor.drop
  readonly rebuild: typeof Processor.rebuild
  readonly cancelRebuild: typeof Processor.cancelRebuild
  readonly dropPrevious: typeof Processor.dropPrevious
  readonly retire: typeof Processor.retire
  readonly rebuildRows: typeof Processor.rebuildRows
  readonly replay: typeof Processor.replay
  readonly changes: typeof ReadModel.changes
  readonly relay: typeof Processor.relay
  readonly inbox: typeof Bus.inbox
}

/** The functions under test: the library's own, unless something broken is put in their place to see a law notice. */
export const Subject: Context.Reference<Functions> = Context.Reference("@evolvent/testing/conformance/Subject", {
  defaultValue: (): Functions => ({
    execute: Aggregate.execute,
    load: Aggregate.load,
    run: Processor.run,
    waitFor: Processor.waitFor,
    status: Processor.status,
    parked: Processor.parked,
    retry: Processor.retry,
    drop: Processor.drop,
    rebuild: Processor.rebuild,
    cancelRebuild: Processor.cancelRebuild,
    dropPrevious: Processor.dropPrevious,
    retire: Processor.retire,
    rebuildRows: Processor.rebuildRows,
    replay: Processor.replay,
    changes: ReadModel.changes,
    relay: Processor.relay,
    inbox: Bus.inbox
  })
})
