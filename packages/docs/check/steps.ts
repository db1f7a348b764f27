// Runs named steps one after another, all of them even if one fails, and says how long each took.

/** What a step says about its end. */
export interface StepResult {
  readonly ok: boolean
  readonly output: string
}

/** A step has a name and is started only when its turn comes. */
export interface Step {
  readonly name: string
  readonly run: () => Promise<StepResult>
}

const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`

/** Runs the steps and sets the exit code; a step's output is shown only if it failed. */
export const runSteps = async (title: string, steps: ReadonlyArray<Step>): Promise<void> => {
  const begin = performance.now()
  const failed: Array<string> = []
  for (const { name, run } of steps) {
    const start = performance.now()
    const { ok, output } = await run().catch((error: unknown) => ({
      ok: false,
      output: error instanceof Error ? (error.stack ?? error.message) : String(error)
    }))
    console.log(`${ok ? "ok  " : "FAIL"} ${name.padEnd(20)} ${seconds(start).padStart(7)}`)
    if (!ok) {
      failed.push(name)
      console.log(output.replaceAll(/^(?=.)/gm, "     "))
    }
  }
  const result = failed.length === 0 ? "all passed" : `failed: ${failed.join(", ")}`
  console.log(`${title}: ${result} in ${seconds(begin)}`)
  process.exitCode = failed.length === 0 ? 0 : 1
}
