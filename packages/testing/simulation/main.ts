// `pnpm simulate`: worlds full of faults, each made by a seed; exits with 1 when one breaks a law, and says how to repeat it.
import { breaks } from "./breaks.ts"
import * as options from "./options.ts"
import * as progress from "./progress.ts"
import * as report from "./report.ts"
import { run } from "./run.ts"
import { simulate } from "./simulate.ts"

const chosen = options.parse(process.argv.slice(2))
if (typeof chosen === "string") {
  const isHelp = chosen === options.help
  if (isHelp) console.log(chosen)
  else console.error(chosen)
  process.exitCode = isHelp ? 0 : 2
} else if (chosen.seed === undefined) {
  const bar = progress.make()
  const found = await run(chosen, (done, broken) =>
    bar.show(done, chosen.seeds, broken === 0 ? "every law held" : `${broken} broke a law`)
  )
  bar.end()
  console.log(chosen.json ? JSON.stringify(found) : report.format(found))
  if (found.broken[0] !== undefined && !chosen.json) {
    const { seed } = found.broken[0]
    const by = chosen.breaking === undefined ? undefined : breaks[chosen.breaking]?.by
    console.log(
      `\nThe trace of seed ${seed}:\n${report.formatWorld(await simulate(seed, { trace: true, breaking: by }))}`
    )
  }
  process.exitCode = report.objections(found).length === 0 ? 0 : 1
} else {
  const by = chosen.breaking === undefined ? undefined : breaks[chosen.breaking]?.by
  const verdict = await simulate(chosen.seed, { trace: true, breaking: by })
  console.log(chosen.json ? JSON.stringify(verdict) : report.formatWorld(verdict))
  process.exitCode = verdict.broken.length === 0 ? 0 : 1
}
