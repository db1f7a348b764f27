// Broken ways with old and newer versions of events, one for each of their laws.
import * as Processor from "evolvent/Processor"
import type { Break, Mutant } from "./Mutant.ts"
import { runs } from "./Runs.ts"

/** Loads what is stored under other versions than it is. */
const reads = (version: (type: string, version: number) => number): Break => ({
  store: (store) => ({
    ...store,
    history: (stream, take, options) =>
      store.history(
        stream,
        (page) =>
          take({ ...page, schemaVersions: page.schemaVersions.map((one, i) => version(page.types[i] ?? "", one)) }),
        options
      )
  })
})

/** Prepares other steps, of processors of one kind. */
const steps = (kind: string, change: (step: Processor.Step) => Processor.Step) =>
  runs(
    () => (processor) =>
      processor.checkpoint.startsWith(kind)
        ? { ...processor, prepare: (events) => processor.prepare(events).map(change) }
        : processor,
    () => true
  )

/** Broken loads of old and newer versions. */
export const loadingAged: ReadonlyArray<Mutant> = [
  {
    law: "Aggregate 25",
    breaks: "version 2 is read as the version before it",
    by: reads((type, version) => (type === "Opened" && version === 2 ? 1 : version))
  },
  {
    law: "Aggregate 26",
    breaks: "a newer version is taken for today's",
    by: reads((type, version) => (type === "Added" ? Math.min(version, 2) : version))
  }
]

/** Broken processors of old and newer versions. */
export const aging: ReadonlyArray<Mutant> = [
  {
    law: "Processor 18.1",
    breaks: "of a split event a row sees the first part only",
    by: steps("projection/", (step) => ({ ...step, events: step.events.slice(0, 1) }))
  },
  {
    law: "Processor 18.2",
    breaks: "the parts of a split event come in the wrong order",
    by: steps("reactor/", (step) => ({ ...step, events: step.events.toReversed() }))
  },
  {
    law: "Processor 18.3",
    breaks: "what newer code wrote is broken like anything else",
    by: steps("reactor/", (step) =>
      step.undecoded === "NewerVersion" ? { ...step, undecoded: "UndecodableEvent" } : step
    )
  },
  {
    law: "Processor 18.4",
    breaks: "what is said of events that cannot be decoded is not heard",
    by: (): Break => ({
      functions: (functions) => ({
        ...functions,
        run: (processor, options) => Processor.run(processor, { ...options, onUndecodable: "stop" })
      })
    })
  }
]
