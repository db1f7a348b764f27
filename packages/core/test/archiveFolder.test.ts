// An archive on disk: what goes in comes out, what is damaged is said and not read, and a power cut leaves what can go on.
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { gunzipSync, gzipSync } from "node:zlib"
import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import type { ArchiveError } from "../src/ArchiveError.ts"
import * as ArchiveFolder from "../src/ArchiveFolder.ts"
import type { EncodedRecorded } from "../src/EventStore.ts"
import { fromLine, toLine } from "../src/internal/archiveLine.ts"
import * as manifests from "../src/internal/archiveManifest.ts"
import * as Position from "../src/Position.ts"
import * as Revision from "../src/Revision.ts"
import * as StreamName from "../src/StreamName.ts"
import type { EventId } from "../src/EventId.ts"

const holds = { _tag: "Store", system: false } as const

const event = (n: number, given: Partial<EncodedRecorded> = {}): EncodedRecorded => ({
  id: `0198c2a4-7d3e-7abc-8def-${String(n).padStart(12, "0")}` as EventId,
  stream: StreamName.make("Account", `ü-${n % 3}`),
  category: "Account",
  revision: Revision.make(Math.floor(n / 3)),
  position: Position.make(7 * n + 1),
  type: "Deposited",
  schemaVersion: 1,
  data: `{"n":${n}}`,
  metadata: "{}",
  recordedAt: 1_700_000_000_000 + n,
  ...given
})

const events = Array.from({ length: 25 }, (_, n) => event(n))
const give = (list: ReadonlyArray<EncodedRecorded>) => (after: number) =>
  Stream.fromIterable(list.filter(({ position }) => position > after))

/** A folder of three parts, ten events each at most. */
const written = async () => {
  const files = new Map<string, Uint8Array<ArrayBuffer>>()
  const folder = ArchiveFolder.inMemory("the test's", files)
  const manifest = await Effect.runPromise(ArchiveFolder.write(folder, holds, give(events), { eventsPerPart: 10 }))
  return { files, folder, manifest }
}

/** What is given on of a folder, and why it ends. */
const readAll = async (folder: ArchiveFolder.Folder) => {
  const found: Array<EncodedRecorded> = []
  const ended = await Effect.runPromise(
    Effect.result(Stream.runForEach(ArchiveFolder.read(folder), (one) => Effect.sync(() => found.push(one))))
  )
  return { found, error: Result.isFailure(ended) ? ended.failure : undefined }
}

describe("a line", () => {
  const texts = [
    '{"n":12345678901234567890.000,"m":1e400,"z":-0.0}',
    '[1,"a\\"]}\\\\",{"b":[{}]}, "\\u0041 🙂 \\u2028"]',
    '  {"a" :\n [ 1 ,\r\n 2 ] }  ',
    '"data"',
    "null",
    '{"metadata":{"data":"}"},"data":0}',
    "17"
  ]
  it.each(texts)("keeps the text of %j", (data) => {
    const metadata = '{"who":"\\"}, \\"data\\":1","n":1.50}'
    const line = toLine(event(1, { data, metadata, type: 'It "went",\n well {' }))
    expect(line).not.toMatch(/[\n\r]/)
    const back = Result.getOrThrow(fromLine(line))
    expect(back).toEqual(
      event(1, { data: data.replaceAll(/[\n\r]/g, " ").trim(), metadata, type: 'It "went",\n well {' })
    )
    // Whoever wrote it with other tools may have put its members elsewhere.
    const { data: d, metadata: m, ...rest } = JSON.parse(line) as Record<string, unknown>
    const moved = `{ "data" : ${JSON.stringify(d)} , ${JSON.stringify(rest).slice(1, -1)}, "metadata":${JSON.stringify(m)}}`
    expect(Result.getOrThrow(fromLine(moved))).toMatchObject({ id: back.id, metadata: JSON.stringify(m) })
  })

  it.each([
    ["id", '"x"', "its id"],
    ["stream", '"nodash"', "its stream"],
    ["revision", "-1", "its revision"],
    ["position", "1.5", "its position"],
    ["type", '""', "its type"],
    ["schemaVersion", "0", "its schemaVersion"],
    ["recordedAt", '"yesterday"', "its recordedAt"],
    ["metadata", "[]", "its metadata"]
  ])("with another %s is refused", (field, value, words) => {
    const parsed = { ...(JSON.parse(toLine(event(1))) as object), [field]: JSON.parse(value) as unknown }
    const found = fromLine(JSON.stringify(parsed))
    expect(Result.isFailure(found) && found.failure).toContain(words)
  })
})

describe("an archive", () => {
  it("gives back what was written, in parts, from any place", async () => {
    const { folder, manifest } = await written()
    expect(manifest.parts.map((part) => [part.events, part.first, part.last])).toEqual([
      [10, 1, 64],
      [10, 71, 134],
      [5, 141, 169]
    ])
    expect((await readAll(folder)).found).toEqual(events)
    const after = Position.make(80)
    const rest = await Effect.runPromise(Stream.runCollect(ArchiveFolder.read(folder, { after })))
    expect(rest).toEqual(events.filter(({ position }) => position > after))
    expect(await Effect.runPromise(ArchiveFolder.verify(folder))).toEqual(manifest)
  })

  it("has the same hash whatever its parts, and another one for other events or another order", async () => {
    const { manifest } = await written()
    const digestOf = async (list: ReadonlyArray<EncodedRecorded>) =>
      (await Effect.runPromise(ArchiveFolder.write(ArchiveFolder.inMemory(), holds, give(list), { bytesPerPart: 300 })))
        .digest
    expect(await digestOf(events)).toBe(manifest.digest)
    expect(await digestOf(events.map((one) => ({ ...one, position: Position.make(one.position + 1) })))).toBe(
      manifest.digest
    )
    expect(await digestOf(events.map((one) => ({ ...one, data: ` ${one.data}` })))).toBe(manifest.digest)
    const others = [
      events.slice(1),
      events.map((one, i) => (i === 7 ? { ...one, data: '{"n":8}' } : one)),
      events.map((one, i) => (i === 7 ? { ...one, metadata: '{"a":1}' } : one)),
      events.map((one, i) => (i === 7 ? { ...one, recordedAt: one.recordedAt + 1 } : one)),
      events.map((one, i) => (i === 7 ? { ...one, schemaVersion: 2 } : one)),
      events.map((one, i) => ({ ...(i === 7 ? event(8) : i === 8 ? event(7) : one), position: one.position }))
    ]
    const digests = await Promise.all(others.map(digestOf))
    expect(new Set([manifest.digest, ...digests]).size).toBe(others.length + 1)
  })

  const second = "part-000002.ndjson.gz"
  type Files = Map<string, Uint8Array<ArrayBuffer>>
  const part = (files: Files) => files.get(second) ?? new Uint8Array()
  const linesOf = (files: Files) => gunzipSync(part(files)).toString("utf8").split("\n").slice(0, -1)

  /** Puts other lines into the second part, with hashes that fit. */
  const forge = async (files: Files, change: (lines: Array<string>) => Array<string>) => {
    const lines = change(linesOf(files))
    const bytes = Uint8Array.from(gzipSync(`${lines.join("\n")}\n`))
    files.set(second, bytes)
    await remake(files, (manifest) => ({
      ...manifest,
      parts: manifest.parts.map((one) =>
        one.file === second
          ? {
              ...one,
              bytes: bytes.length,
              events: lines.length,
              sha256: createHash("sha256").update(bytes).digest("hex")
            }
          : one
      )
    }))
  }
  const remake = async (files: Files, change: (manifest: ArchiveFolder.Manifest) => ArchiveFolder.Manifest) => {
    const manifest = change(JSON.parse(new TextDecoder().decode(files.get("manifest.json"))) as ArchiveFolder.Manifest)
    files.set("manifest.json", manifests.toBytes(await Effect.runPromise(manifests.sealed(manifest))))
  }

  const damages: ReadonlyArray<
    readonly [
      what: string,
      damage: (files: Files) => unknown,
      reason: ArchiveError["reason"]["_tag"],
      words: string,
      read: number
    ]
  > = [
    ["is cut off", (f) => f.set(second, part(f).slice(0, -5)), "DamagedPart", "bytes, and was written with", 10],
    [
      "has another byte",
      (f) => f.set(second, part(f).with(30, 255 - (part(f)[30] ?? 0))),
      "DamagedPart",
      "its SHA-256 is",
      10
    ],
    ["is not there", (f) => f.delete(second), "MissingPart", "part-000002.ndjson.gz with 10 events", 10],
    [
      "has an edited line",
      (f) => f.set(second, Uint8Array.from(gzipSync(linesOf(f).join("\n").replace('"n":12', '"n":99')))),
      "DamagedPart",
      "",
      10
    ],
    ["has a line twice", (f) => forge(f, ([a = "", ...rest]) => [a, a, ...rest]), "InvalidLine", "Line 2", 10],
    ["has lines in another order", (f) => forge(f, (lines) => lines.toReversed()), "InvalidLine", "Line 2", 10],
    [
      "has a line that is no JSON",
      (f) => forge(f, ([, ...rest]) => ["{", ...rest]),
      "InvalidLine",
      "it is not JSON",
      10
    ],
    ["lacks its last line", (f) => forge(f, (lines) => lines.slice(0, -1)), "DamagedPart", "to 134", 10],
    [
      "has more than its manifest says",
      async (f) => {
        await forge(f, (lines) => lines)
        await remake(f, (m) => ({ ...m, parts: m.parts.map((one) => ({ ...one, events: 9 })) }))
      },
      "DamagedPart",
      "10 lines, and was written with 9",
      0
    ],
    ["has no manifest", (f) => f.delete("manifest.json"), "NotAnArchive", "there is no manifest.json", 0],
    [
      "has another's manifest",
      (f) => f.set("manifest.json", new TextEncoder().encode("{}")),
      "NotAnArchive",
      "format",
      0
    ],
    [
      "has half a manifest",
      (f) => f.set("manifest.json", new TextEncoder().encode('{"fo')),
      "DamagedManifest",
      "JSON",
      0
    ],
    [
      "has an edited manifest",
      (f) => {
        const text = new TextDecoder().decode(f.get("manifest.json")).replace('"events": 25', '"events": 24')
        f.set("manifest.json", new TextEncoder().encode(text))
      },
      "DamagedManifest",
      "its hash is",
      0
    ],
    ["is of a newer release", (f) => remake(f, (m) => ({ ...m, version: 2 })), "NewerArchive", "version 2", 0],
    ["was not finished", (f) => remake(f, (m) => ({ ...m, complete: false })), "UnfinishedArchive", "25 events", 0]
  ]
  it.each(damages)(
    "that %s is refused, before anything of that part is read",
    async (_, damage, reason, words, read) => {
      const { files, folder } = await written()
      await damage(files)
      const { error, found } = await readAll(folder)
      expect(error?.reason._tag).toBe(reason)
      expect(error?.message).toContain(words)
      expect(error?.message).toContain("the test's")
      expect(found).toEqual(events.slice(0, read))
    }
  )

  it("forged with all its hashes but one is found out when it is verified", async () => {
    const { files, folder } = await written()
    await forge(files, (lines) => lines.map((line) => line.replace('"n":12', '"n":99')))
    expect((await readAll(folder)).error).toBeUndefined()
    const error = await Effect.runPromise(Effect.flip(ArchiveFolder.verify(folder)))
    expect(error.reason._tag).toBe("DamagedManifest")
    expect(error.message).toContain("the hash of all events")
  })

  it("of something else is not written over", async () => {
    const { folder, manifest } = await written()
    const other = { _tag: "Categories", categories: ["Order"] } as const
    const error = await Effect.runPromise(Effect.flip(ArchiveFolder.write(folder, other, give(events))))
    expect(error.reason._tag).toBe("OtherArchive")
    expect(error.message).toContain("a whole store")
    expect(await Effect.runPromise(ArchiveFolder.manifest(folder))).toEqual(manifest)
  })
})

class PowerCut extends Data.TaggedError("PowerCut")<{}> {
  override readonly message = "the power is gone"
}

/** A disk in memory on which only what was flushed outlives a power cut, which comes at the given step. */
const disk = (cutAt: number) => {
  const [kept, cache] = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>()]
  let renamed: Array<() => void> = []
  let steps = 0
  const step = <A>(work: () => A) =>
    Effect.suspend(() => (++steps === cutAt ? Effect.fail(new PowerCut()) : Effect.sync(work)))
  const fileSystem: ArchiveFolder.Disk<PowerCut> = {
    makeDirectory: () => step(() => undefined),
    exists: (path) => Effect.sync(() => cache.has(path)),
    readFile: (path) => Effect.sync(() => cache.get(path) ?? new Uint8Array()),
    rename: (from, to) =>
      step(() => {
        cache.set(to, cache.get(from) ?? new Uint8Array())
        cache.delete(from)
        // A name goes with what was flushed under it, whatever is written under the old one later.
        const flushed = kept.get(from) ?? new Uint8Array()
        renamed.push(() => void kept.set(to, flushed))
      }),
    open: (path, { flag }) =>
      step(() => {
        if (flag === "w") cache.set(path, new Uint8Array())
        return {
          writeAll: (bytes) => step(() => void cache.set(path, bytes)),
          sync: step(() => {
            if (flag === "w") return void kept.set(path, cache.get(path) ?? new Uint8Array())
            for (const name of renamed) name()
            renamed = []
          })
        }
      })
  }
  /** The power comes back: of what was not flushed the names may be there or not. */
  const restart = (areNamesThere: boolean) => {
    if (areNamesThere) for (const name of renamed) name()
    renamed = []
    cache.clear()
    for (const [path, bytes] of kept) cache.set(path, bytes)
  }
  return { fileSystem, restart, steps: () => steps }
}

describe("a folder on a disk", () => {
  const write = (fileSystem: ArchiveFolder.Disk<PowerCut>) =>
    ArchiveFolder.write(ArchiveFolder.onDisk(fileSystem, "/archive"), holds, give(events), { eventsPerPart: 10 })

  it("outlives a power cut at every step: written again it is whole", async () => {
    const whole = disk(-1)
    const manifest = await Effect.runPromise(write(whole.fileSystem))
    expect(whole.steps()).toBeGreaterThan(40)
    for (let cutAt = 1; cutAt <= whole.steps(); cutAt++) {
      for (const areNamesThere of [true, false]) {
        const { fileSystem, restart } = disk(cutAt)
        const first = await Effect.runPromiseExit(write(fileSystem))
        restart(areNamesThere)
        // What only names the folder for good may fail: then the call has gone through.
        if (Exit.isFailure(first)) {
          const folder = ArchiveFolder.onDisk(fileSystem, "/archive")
          const { error } = await readAll(folder)
          expect(["NotAnArchive", "UnfinishedArchive", undefined]).toContain(error?.reason._tag)
        }
        expect(await Effect.runPromise(write(fileSystem)), `cut at ${cutAt}`).toEqual(manifest)
        expect((await readAll(ArchiveFolder.onDisk(fileSystem, "/archive"))).found).toEqual(events)
      }
    }
  })
})
