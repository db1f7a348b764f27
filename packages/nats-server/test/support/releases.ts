// A place that releases are fetched from, on this machine, and programs that stand in for servers and for tools.
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { createServer } from "node:http"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { archiveName } from "../../src/internal/release.ts"

/** Writes a program that says it is a server of this version, and can do nothing else. */
export const standIn = (file: string, version: string): string => {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, `#!/bin/sh\necho nats-server: v${version}\n`, { mode: 0o755 })
  return file
}

/** A folder for the PATH that holds nothing but links to these programs of the machine. */
export const onlyPrograms = (folder: string, names: ReadonlyArray<string>): string => {
  fs.mkdirSync(folder, { recursive: true })
  for (const name of names) {
    const program = execFileSync("/bin/sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim()
    fs.symlinkSync(program, path.join(folder, name))
  }
  return folder
}

/** Packs a program as the project packs its releases; the archive. */
export const packed = (folder: string, program: string, version: string): Buffer => {
  const name = archiveName(version, process.platform, process.arch)
  const inner = name.replace(/\.tar\.gz$/, "")
  fs.mkdirSync(path.join(folder, inner), { recursive: true })
  fs.copyFileSync(program, path.join(folder, inner, "nats-server"))
  fs.chmodSync(path.join(folder, inner, "nats-server"), 0o755)
  execFileSync("tar", ["-czf", name, inner], { cwd: folder })
  return fs.readFileSync(path.join(folder, name))
}

/** Serves one release until the scope closes; the sum that it names is the archive's unless another is given. */
export const releases = (version: string, archive: Buffer, sum = createHash("sha256").update(archive).digest("hex")) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly asked: Array<string>; readonly close: () => void }>((resume) => {
      const name = archiveName(version, process.platform, process.arch)
      const files = new Map<string, Buffer>([
        [`/v${version}/SHA256SUMS`, Buffer.from(`${"0".repeat(64)}  another.tar.gz\n${sum}  ${name}\n`)],
        [`/v${version}/${name}`, archive]
      ])
      const asked: Array<string> = []
      const server = createServer((request, response) => {
        asked.push(request.url ?? "")
        const file = files.get(request.url ?? "")
        response.writeHead(file === undefined ? 404 : 200).end(file)
      }).listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        const close = () => {
          server.close()
          server.closeAllConnections()
        }
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, asked, close }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

/**
 * Puts tools into a folder that answer as apt does, and write down what they were asked in `calls` beside them.
 *
 * Versions 1.0.0 and 1.1.0 are in the machine's lists, if it has any; 2.0.0 in those that are made with other sources.
 */
export const fakeApt = (folder: string, options: { readonly ownLists: boolean }): string => {
  const calls = path.join(folder, "calls")
  const tool = (name: string, script: string) =>
    fs.writeFileSync(
      path.join(folder, name),
      `#!/bin/sh\nPATH=/usr/bin:/bin\necho "${name} $*" >> "${calls}"\n${script}`,
      {
        mode: 0o755
      }
    )
  const line = (version: string) => `echo "nats-server | ${version}-1+b1 | http://mirror/debian any/main Packages"`
  tool(
    "apt-cache",
    `case "$*" in
  *sourcelist*) ${line("2.0.0")};;
  ${options.ownLists ? "*" : "*Dir::State*"}) ${line("1.0.0")}; ${line("1.1.0")};;
esac`
  )
  tool("apt-get", `for last; do :; done\ncase "$last" in nats-server=*) echo "$last" > "\${last%%=*}_x.deb";; esac`)
  tool(
    "dpkg-deb",
    `mkdir -p usr/sbin
version=$(sed 's/.*=//; s/-.*//' "$2")
printf '#!/bin/sh\\necho nats-server: v%s\\n' $version > usr/sbin/nats-server
chmod 755 usr/sbin/nats-server`
  )
  return calls
}
