// The command line: what goes to standard output, what to standard error, and what it refuses.
import * as NodeServices from "@effect/platform-node/NodeServices"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Command from "effect/cli/Command"
import * as Memory from "evolvent/Memory"
import { describe, expect } from "vitest"
import { retail } from "./app.ts"
import { file, header, rowsOf } from "./fixtures.ts"
import { reference } from "./reference.ts"
import { generate } from "./sample.ts"

/** Runs the command line on a folder with some files: what it printed, and how it ended. */
const run = (
  files: Readonly<Record<string, string>>,
  args: (folder: string) => ReadonlyArray<string>,
  isTerminal = false
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    for (const [name, text] of Object.entries(files)) yield* fs.writeFileString(`${folder}/${name}`, text)
    const [out, err] = [[] as Array<string>, [] as Array<string>]
    const into = (list: Array<string>) => () =>
      Sink.forEach((text: string | Uint8Array) =>
        Effect.sync(() => list.push(typeof text === "string" ? text : new TextDecoder().decode(text)))
      )
    const stdio = Stdio.layerTest({
      stdout: into(out),
      stderr: into(err),
      stderrIsTerminal: Effect.succeed(isTerminal)
    })
    const command = retail(() => Layer.fresh(Memory.layer))
    const result = yield* Command.runWith(command, { version: "0", renderErrors: false })(args(folder)).pipe(
      Effect.provide(stdio),
      Effect.result
    )
    return { result, folder, out: out.join(""), err: err.join("") }
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const text = generate({ seed: 7, invoices: 20 })

describe("command line", () => {
  it.live("prints the report as JSON and nothing else on standard output", () =>
    Effect.gen(function* () {
      const { err, out } = yield* run({ "a.csv": text }, (folder) => ["import", folder, "--report", "--json"])
      expect(out).toBe(reference([text]))
      expect(err).toContain("100 %")
      expect(err).toContain("Imported 1 file, ")
    })
  )

  it.live("reads a file once that is named twice, and a folder's files by name", () =>
    Effect.gen(function* () {
      const rows = rowsOf(text)
      const files = { "2.csv": file(rows.slice(50)), "1.CSV": file(rows.slice(0, 50)), "notes.txt": "not read" }
      const args = (folder: string) => [
        "import",
        folder,
        `${folder}/1.CSV`,
        `${folder}/../${folder.split("/").at(-1)}`,
        "--json"
      ]
      const { out } = yield* run(files, args)
      expect(JSON.parse(out)).toMatchObject({ files: 2, rows: rows.length, known: 0, malformed: [] })
    })
  )

  it.live("names malformed lines by file and line, and goes on", () =>
    Effect.gen(function* () {
      const rows = rowsOf(text)
      const broken = file([
        ...rows.slice(0, 3),
        "536365,too,few",
        ...rows.slice(3),
        `536365,x,"y,1,2010-12-01 08:26:00,1,,France`
      ])
      const { err, folder, out, result } = yield* run({ "a.csv": broken }, (folder) => ["import", folder, "--report"])
      expect(Result.isSuccess(result)).toBe(true)
      expect(err).toContain(`${folder}/a.csv:5: it has 3 columns, not 8\n`)
      expect(err).toMatch(/a\.csv:\d+: a quote is opened and never closed\n/)
      expect(out).toContain("2 malformed lines left out")
      expect(out).toContain("Best customers")
    })
  )

  it.live("refuses missing, unreadable and foreign files, all at once, and imports nothing", () =>
    Effect.gen(function* () {
      const { folder, out, result } = yield* run({ "a.csv": text, "b.csv": "x,y\n1,2\n", "c.txt": "" }, (folder) => [
        "import",
        `${folder}/a.csv`,
        `${folder}/none.csv`,
        `${folder}/b.csv`,
        `${folder}/a.csv/deeper`
      ])
      expect(out).toBe("")
      expect(Result.isFailure(result) && result.failure).toMatchObject({
        _tag: "UnreadableFiles",
        "~effect/Runtime/errorExitCode": 2,
        problems: [
          { path: `${folder}/none.csv`, problem: "there is no such file or folder" },
          { path: `${folder}/b.csv`, problem: expect.stringContaining("lacks the columns InvoiceNo") },
          { path: `${folder}/a.csv/deeper` }
        ]
      })
    })
  )

  it.live("refuses a folder without CSV files", () =>
    Effect.gen(function* () {
      const { result } = yield* run({ "c.txt": "" }, (folder) => ["import", folder])
      expect(Result.isFailure(result) && result.failure.message).toContain("there is no .csv file in this folder")
    })
  )

  it.live("draws a bar on a terminal", () =>
    Effect.gen(function* () {
      const { err } = yield* run({ "a.csv": text }, (folder) => ["import", folder], true)
      expect(err.slice(err.lastIndexOf("\r")).replace("\u001b[K", "X")).toMatch(
        /^\rX█{30} 100 % {2}\d+ rows, 20 invoices\n$/
      )
    })
  )

  it.live("says that an empty report comes from an empty event store", () =>
    Effect.gen(function* () {
      const { err, out } = yield* run({}, () => ["report", "--json"])
      expect(out).toBe(reference([`${header}\n`]))
      expect(err).toContain("The event store is empty")
      const table = yield* run({}, () => ["report"])
      expect(table.out).toContain("nothing yet")
    })
  )
})
