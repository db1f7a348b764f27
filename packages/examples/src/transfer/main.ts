// Runs the story of the transfer: on PostgreSQL, or with `--store memory`.
import { Effect } from "effect"
import { run } from "../run.ts"
import { story, Transfers } from "./app.ts"

run("transfer", Effect.provide(story, Transfers))
