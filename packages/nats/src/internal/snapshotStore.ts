// The snapshot store: a key for each stream and fingerprint, written by compare-and-set so that its revision never falls.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { InvalidRequest } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import { SnapshotStore, SnapshotStoreError } from "evolvent/SnapshotStore"
import type { Snapshot } from "evolvent/SnapshotStore"
import type { StreamName } from "evolvent/StreamName"
import * as Bucket from "./bucket.ts"
import { reasonOf } from "./failures.ts"
import type { Failure, JetStream } from "./jetstream.ts"
import type { Layout } from "./layout.ts"
import * as names from "./names.ts"

// The state stands in the value as it was given, between a head of known shape and a brace: a JSON object for whoever
// looks into the bucket, and the very same text for us.
const head = /^\{"revision":(\d+),"position":(\d+),"state":/

const encode = ({ position, revision, state }: Snapshot): string =>
  `{"revision":${revision},"position":${position},"state":${state}}`

const decode = (stream: StreamName, fingerprint: string, value: string | undefined): Snapshot | undefined => {
  const found = value === undefined ? null : head.exec(value)
  if (value === undefined || found === null) return undefined
  const [revision, position] = [Number(found[1]), Number(found[2])]
  // Somebody else wrote it: no snapshot.
  if (!Number.isSafeInteger(revision) || !Number.isSafeInteger(position)) return undefined
  return {
    stream,
    fingerprint,
    revision: Revision.make(revision),
    position: Position.make(position),
    state: value.slice(found[0].length, -1)
  }
}

const invalid = (problem: string) =>
  new SnapshotStoreError({ operation: "SnapshotStore.save", reason: new InvalidRequest({ problem }) })

const failed = (operation: string) => (failure: Failure) =>
  new SnapshotStoreError({ operation: `SnapshotStore.${operation}`, reason: reasonOf(failure) })

/** The snapshots of a store. */
export const make = (jetstream: JetStream, layout: Layout): SnapshotStore["Service"] => {
  const bucket = Bucket.make(jetstream, layout.snapshots)

  /** The key of a snapshot, or why it can have none. */
  const keyOf = (stream: StreamName, fingerprint: string): Result.Result<string, string> =>
    Result.flatMap(names.token(stream), (first) =>
      Result.flatMap(names.token(fingerprint), (second) => {
        const key = `${first}.${second}`
        const length = bucket.prefix.length + key.length
        return length <= names.longestSubject
          ? Result.succeed(key)
          : Result.fail(`it makes a subject of ${length} characters, and NATS has room for ${names.longestSubject}`)
      })
    )

  const problemOf = ({ state, stream }: Snapshot, value: string, maxPayload: number): string | undefined => {
    if (!state.isWellFormed())
      return `the state of ${stream} holds half of a surrogate pair, which has no bytes of its own`
    const bytes = Bucket.bytesOf(value)
    return bytes <= maxPayload
      ? undefined
      : `the state of ${stream} makes a message of ${bytes} bytes, and the server takes ${maxPayload}`
  }

  return SnapshotStore.of({
    load: (stream, fingerprint) =>
      Effect.suspend(() => {
        const key = keyOf(stream, fingerprint)
        if (Result.isFailure(key)) return Effect.succeed(undefined)
        return Effect.map(Effect.mapError(bucket.get(key.success), failed("load")), (entry) =>
          decode(stream, fingerprint, entry?.value)
        )
      }),
    save: Effect.fnUntraced(function* (snapshot) {
      const { fingerprint, revision, stream } = snapshot
      const found = keyOf(stream, fingerprint)
      if (Result.isFailure(found)) {
        return yield* invalid(`the name of ${stream}, with its fingerprint, is no key: ${found.failure}`)
      }
      const key = found.success
      const value = encode(snapshot)
      const problem = problemOf(snapshot, value, (yield* jetstream.client.server).maxPayload)
      if (problem !== undefined) return yield* invalid(problem)
      const write = Effect.gen(function* () {
        while (true) {
          const entry = yield* bucket.get(key)
          const stored = decode(stream, fingerprint, entry?.value)
          if (stored !== undefined && stored.revision > revision) return
          const isMine = (there: Bucket.Entry) => there.value === value
          const written = yield* bucket.set(key, value, entry?.revision ?? Bucket.never, isMine)
          if (written !== undefined) return
        }
      })
      yield* Effect.mapError(write, failed("save"))
    }),
    remove: (stream) =>
      Effect.suspend(() => {
        // One that is too long for a key has none either.
        const key = keyOf(stream, "")
        if (Result.isFailure(key)) return Effect.void
        const every = `${bucket.prefix}${key.success.slice(0, key.success.lastIndexOf("."))}.>`
        return Effect.mapError(jetstream.purge(bucket.stream, every), failed("remove"))
      })
  })
}
