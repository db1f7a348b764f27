// What the benchmark asks a peer, and what it answers: one JSON message each, between two processes.

/** Whose streams an append goes to: fresh ones of the caller, at an exact revision, or a random one of those stored. */
export type Target = { readonly _tag: "Own" } | { readonly _tag: "Old"; readonly streams: number }

/** Where a peer finds its database. */
export interface Open {
  readonly op: "open"
  readonly url: string
}

/** Stores so many streams of the same length, in turns of `batch` events, so that they lie mixed as in life. */
export interface Seed {
  readonly op: "seed"
  readonly streams: number
  readonly length: number
  readonly batch: number
  readonly prefix: string
}

/** Appends in a closed loop: each caller its next append as soon as the last one is acknowledged. */
export interface AppendFor {
  readonly op: "append"
  readonly callers: number
  readonly batch: number
  readonly seconds: number
  readonly target: Target
}

/** Loads and folds streams that `seed` stored, one after the other. */
export interface LoadFor {
  readonly op: "load"
  readonly streams: number
  readonly length: number
  readonly prefix: string
  readonly seconds: number
}

/** Reads events in order from the beginning. */
export interface ReadAll {
  readonly op: "read"
  readonly events: number
}

/**
 * Keeps a read model, until it has handled all events; `name` is a read model that is new. A row is a stored document
 * that a pure function evolves, or what a hand-written statement makes of it.
 */
export interface Project {
  readonly op: "project"
  readonly how: "document" | "statement"
  readonly name: string
  readonly events: number
  /** Into how many partitions ours divides the work. */
  readonly partitions: number
}

/** Replays all events, and tells the memory it took. */
export interface Replay {
  readonly op: "replay"
  readonly how: "read" | "subscribe"
  readonly events: number
}

export type Request = Open | Seed | AppendFor | LoadFor | ReadAll | Project | Replay

/** What a peer answers; what an operation does not measure is 0. */
export interface Answer {
  /** How many operations were acknowledged: appends, loads, events read or projected. */
  readonly count: number
  readonly seconds: number
  /** Milliseconds that an operation took. */
  readonly p50: number
  readonly p99: number
  /** What the peer's process took of the processor, in microseconds. */
  readonly cpuMicros: number
  /** A number that proves the work: the sum of what was read, of the counts in the read model. */
  readonly proof: number
  readonly memory?: MemoryUse
}

/** Bytes of memory (resident set): when idle, at the peak, and the median of each of the passes of the replay. */
export interface MemoryUse {
  readonly idle: number
  readonly peak: number
  readonly passes: ReadonlyArray<number>
}

/** A peer: what it can do of the protocol. */
export interface Peer {
  readonly open: (url: string) => Promise<void>
  readonly seed?: (request: Seed) => Promise<Answer>
  readonly append?: (request: AppendFor) => Promise<Answer>
  readonly load?: (request: LoadFor) => Promise<Answer>
  readonly read?: (request: ReadAll) => Promise<Answer>
  readonly project?: (request: Project) => Promise<Answer>
  readonly replay?: (request: Replay) => Promise<Answer>
  readonly close: () => Promise<void>
}

/** A message from a peer. */
export type Reply = { readonly answer: Answer } | { readonly problem: string }
