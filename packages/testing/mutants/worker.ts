// A thread that judges the mutants of one suite, so that two suites run on two cores.
import { suites } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import { parentPort, workerData } from "node:worker_threads"
import { judge } from "./judge.ts"

const {
  isBrief,
  numbers,
  suite: wanted
} = workerData as { readonly suite: string; readonly numbers: ReadonlyArray<string>; readonly isBrief: boolean }
const suite = suites.find((name) => name === wanted)
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
if (suite !== undefined) parentPort?.postMessage(await Effect.runPromise(judge(suite, numbers, isBrief)))
// What a mutant left hanging must not keep the thread.
process.exit()
