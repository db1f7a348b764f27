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

/** Goes through all events in order from the beginning, again and again; each is parsed as JSON, and decoded by nothing else. */
export interface CatchUp {
  readonly op: "catchUp"
  readonly how: "read" | "subscribe"
  readonly seconds: number
}

/** Puts so many messages on the bus; their contents are those of the events from 0 on. */
export interface Fill {
  readonly op: "fill"
  readonly messages: number
}

/**
 * Publishes in a closed loop, each caller so many messages at once; every message has a key of its own. Of all callers
 * together `inFlight` messages are on their way at most.
 */
export interface Publish {
  readonly op: "publish"
  readonly callers: number
  readonly batch: number
  readonly inFlight: number
  readonly seconds: number
}

/** Handles what `fill` put on the bus, as a group that is new; at least once, in order. */
export interface Consume {
  readonly op: "consume"
  readonly group: string
  readonly messages: number
}

export type Request =
  | Open
  | Seed
  | AppendFor
  | LoadFor
  | ReadAll
  | Project
  | Replay
  | CatchUp
  | Fill
  | Publish
  | Consume

/** What a peer answers; what an operation does not measure is 0. */
export interface Answer {
  /** How many operations were acknowledged: appends, loads, events read or projected, messages. */
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

/** Bytes of memory: resident when idle and at the peak of all passes, and what was live early and late in them. */
export interface MemoryUse {
  readonly idle: number
  readonly peak: number
  readonly early: number
  readonly late: number
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
  readonly catchUp?: (request: CatchUp) => Promise<Answer>
  readonly fill?: (request: Fill) => Promise<Answer>
  readonly publish?: (request: Publish) => Promise<Answer>
  readonly consume?: (request: Consume) => Promise<Answer>
  readonly close: () => Promise<void>
}

/** A message from a peer. */
export type Reply = { readonly answer: Answer } | { readonly problem: string }
