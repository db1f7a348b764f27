// Runs the story of the order: on PostgreSQL, or with `--store memory`.
import { Effect } from "effect"
import { run } from "../run.ts"
import { ReadModels, story } from "./app.ts"

run("order", Effect.provide(story, ReadModels))
