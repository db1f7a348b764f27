// Subject: the functions that laws of aggregates, processors, relays, inboxes, audits and copies exercise.
import * as Context from "effect/Context"
import * as Aggregate from "evolvent/Aggregate"
import * as Archive from "evolvent/Archive"
import * as Audit from "evolvent/Audit"
import * as Bus from "evolvent/Bus"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import * as StoreCopy from "evolvent/StoreCopy"

/** What is written once above all backends, and tested on each. */
export interface Functions {
  readonly execute: typeof Aggregate.execute
  readonly load: typeof Aggregate.load
  readonly layerCache: typeof Aggregate.layerCache
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
  readonly layerCached: typeof ReadModel.layerCached
  readonly relay: typeof Processor.relay
  readonly inbox: typeof Bus.inbox
  readonly copy: typeof Archive.copy
  readonly archive: typeof Archive.archive
  readonly erase: typeof Archive.erase
  readonly restore: typeof Archive.restore
  readonly layerSource: typeof Archive.layerSource
  readonly by: typeof Audit.by
  readonly tree: typeof Audit.tree
  readonly loadRows: typeof Projection.load
  readonly toStore: typeof StoreCopy.toStore
  readonly toFolder: typeof StoreCopy.toFolder
  readonly fromFolder: typeof StoreCopy.fromFolder
}

/** The functions under test: the library's own, unless something broken is put in their place to see a law notice. */
export const Subject: Context.Reference<Functions> = Context.Reference("@evolvent/testing/conformance/Subject", {
  defaultValue: (): Functions => ({
    execute: Aggregate.execute,
    load: Aggregate.load,
    layerCache: Aggregate.layerCache,
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
    layerCached: ReadModel.layerCached,
    relay: Processor.relay,
    inbox: Bus.inbox,
    copy: Archive.copy,
    archive: Archive.archive,
    erase: Archive.erase,
    restore: Archive.restore,
    layerSource: Archive.layerSource,
    by: Audit.by,
    tree: Audit.tree,
    loadRows: Projection.load,
    toStore: StoreCopy.toStore,
    toFolder: StoreCopy.toFolder,
    fromFolder: StoreCopy.fromFolder
  })
})
