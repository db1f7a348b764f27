// Runs the story of the account: on PostgreSQL, or with `--store memory`.
import { Effect } from "effect"
import { run } from "../run.ts"
import { ReadModels, story } from "./app.ts"

run("account", Effect.provide(story, ReadModels))
