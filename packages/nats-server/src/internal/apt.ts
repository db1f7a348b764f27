// Brings the distribution's own server on Debian and Ubuntu: apt fetches and checks it, nothing is installed.
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { compareVersions, isWanted, onPath } from "./found.ts"
import { Refused } from "./refused.ts"
import { run } from "./run.ts"

/** A package that apt could fetch, by its own version and the server's. */
interface Package {
  readonly full: string
  readonly version: string
  /** The place that it comes from, as in "https://mirror.example/debian". */
  readonly mirror: string
}

/** Where apt looks, as arguments of its commands: the machine's own lists and sources unless others are made. */
type Lists = ReadonlyArray<string>

/** Whether this machine has apt and the unpacker of its packages. */
export const hasApt = (): boolean => onPath("apt-get").length > 0 && onPath("dpkg-deb").length > 0

/** The server's packages in the lists, from new to old. */
const packagesIn = (lists: Lists): Effect.Effect<ReadonlyArray<Package>> =>
  Effect.map(run("apt-cache", [...lists, "madison", "nats-server"]), ({ out }) =>
    out
      .split("\n")
      .flatMap((line) => {
        const [, full = "", from = ""] = line.split("|").map((field) => field.trim())
        const version = /^(?:\d+:)?(\d+\.\d+\.\d+)/.exec(full)?.[1]
        const mirror = /^\S+/.exec(from)?.[0] ?? ""
        return version === undefined || !from.endsWith("Packages") ? [] : [{ full, version, mirror }]
      })
      .sort((left, right) => compareVersions(right.version, left.version))
  )

/** New lists in a folder, which leave the machine's own as they are; its sources unless others are given. */
const newLists = Effect.fnUntraced(function* (folder: string, sources?: string) {
  for (const name of ["state/lists/partial", "cache/archives/partial"]) {
    fs.mkdirSync(path.join(folder, name), { recursive: true })
  }
  const lists = ["-o", `Dir::State=${folder}/state`, "-o", `Dir::Cache=${folder}/cache`]
  if (sources !== undefined) {
    const file = path.join(folder, "sources.list")
    fs.writeFileSync(file, sources)
    lists.push("-o", `Dir::Etc::sourcelist=${file}`, "-o", "Dir::Etc::sourceparts=/dev/null")
  }
  const { problem } = yield* run("apt-get", [...lists, "-o", "Acquire::Languages=none", "-q", "update"], {
    timeoutMillis: 180_000
  })
  // One source among several that does not answer is no reason to give up: what counts is what the lists hold.
  return { lists, problem }
})

const names = (packages: ReadonlyArray<Package>): string =>
  packages.length === 0 ? "nothing" : packages.map(({ version }) => version).join(", ")

/** Fetches a package and unpacks it in the folder; its program. */
const fetched = Effect.fnUntraced(function* (lists: Lists, chosen: Package, folder: string) {
  const to = path.join(folder, `package-${chosen.version}`)
  fs.mkdirSync(to, { recursive: true })
  const download = yield* run("apt-get", [...lists, "-q", "download", `nats-server=${chosen.full}`], {
    cwd: to,
    timeoutMillis: 180_000
  })
  const file = fs.readdirSync(to).find((name) => name.endsWith(".deb"))
  if (!download.ok || file === undefined) return yield* Effect.fail(new Refused(download.problem))
  const unpacked = yield* run("dpkg-deb", ["-x", file, "."], { cwd: to })
  const program = ["usr/sbin", "usr/bin"].map((bin) => path.join(to, bin, "nats-server")).find(fs.existsSync)
  return program ?? (yield* Effect.fail(new Refused(unpacked.problem || `${file} holds no nats-server`)))
})

/** What the machine's sources offer, by its lists, or by new ones when it has none, as in a bare container. */
const ownPackages = Effect.fnUntraced(function* (folder: string) {
  const packages = yield* packagesIn([])
  if (packages.length > 0) return { lists: [] as Lists, packages, problem: "" }
  const made = yield* newLists(path.join(folder, "own"))
  return { ...made, packages: yield* packagesIn(made.lists) }
})

/** The releases of the same distribution that are newer than most machines' own, by the names that do not age. */
const newerSuites: Readonly<Record<string, ReadonlyArray<string>>> = {
  debian: ["stable", "testing"],
  ubuntu: ["devel"]
}

/** What the newer releases offer at the machine's own mirror; nothing is taken that the distribution has not signed. */
const newerPackages = Effect.fnUntraced(function* (folder: string, mirror: string) {
  const release = fs.existsSync("/etc/os-release") ? fs.readFileSync("/etc/os-release", "utf8") : ""
  const id = /^ID="?([a-z]+)/m.exec(release)?.[1] ?? ""
  const keys = `/usr/share/keyrings/${id}-archive-keyring.gpg`
  const component = id === "ubuntu" ? "main universe" : "main"
  const sources = (newerSuites[id] ?? [])
    .map((suite) => `deb ${fs.existsSync(keys) ? `[signed-by=${keys}] ` : ""}${mirror} ${suite} ${component}\n`)
    .join("")
  if (sources === "") return { lists: [] as Lists, packages: [], problem: `no newer releases of "${id}" are known` }
  const made = yield* newLists(path.join(folder, "newer"), sources)
  return { ...made, packages: yield* packagesIn(made.lists) }
})

/** The program of the wanted version from the distribution: its own release, then newer ones. */
export const fromApt = Effect.fnUntraced(function* (folder: string, wanted: string | undefined) {
  const own = yield* ownPackages(folder)
  const [first] = own.packages
  if (first === undefined) {
    return yield* Effect.fail(new Refused(`the sources have no nats-server. ${own.problem}`.trim()))
  }
  const chosen = own.packages.find(({ version }) => isWanted(version, wanted))
  if (chosen !== undefined) return yield* fetched(own.lists, chosen, folder)
  const newer = yield* newerPackages(folder, first.mirror)
  const other = newer.packages.find(({ version }) => isWanted(version, wanted))
  if (other !== undefined) return yield* fetched(newer.lists, other, folder)
  const offered = `has ${names([...newer.packages, ...own.packages])}, not ${wanted}`
  return yield* Effect.fail(new Refused(`${offered}. ${newer.problem}`.trim()))
})

/** The programs of every version that the distribution's own and newer releases have. */
export const allFromApt = Effect.fnUntraced(function* (folder: string) {
  const own = yield* ownPackages(folder)
  const [first] = own.packages
  if (first === undefined) {
    return yield* Effect.fail(new Refused(`the sources have no nats-server. ${own.problem}`.trim()))
  }
  const newer = yield* newerPackages(folder, first.mirror)
  const all = [
    ...own.packages.map((found) => ({ found, lists: own.lists })),
    ...newer.packages.map((found) => ({ found, lists: newer.lists }))
  ]
  const different = all.filter(
    ({ found }, index) => all.findIndex((one) => one.found.version === found.version) === index
  )
  return yield* Effect.forEach(different, ({ found, lists }) => fetched(lists, found, folder))
})
