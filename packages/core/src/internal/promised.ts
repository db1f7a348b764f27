// How far this process was told that a processor has come: who waited may expect to read what it waited for.
import type { CheckpointStore } from "../CheckpointStore.ts"
import * as Position from "../Position.ts"

const promises = new WeakMap<CheckpointStore["Service"], Map<string, Position.Position>>()

/** Remembers that somebody was told so. */
export const promise = (checkpoints: CheckpointStore["Service"], name: string, position: Position.Position): void => {
  const all = promises.get(checkpoints) ?? new Map<string, Position.Position>()
  promises.set(checkpoints, all.set(name, Position.max(position, all.get(name) ?? Position.beginning)))
}

/** The farthest position that anybody was told of. */
export const promised = (checkpoints: CheckpointStore["Service"], name: string): Position.Position =>
  promises.get(checkpoints)?.get(name) ?? Position.beginning
