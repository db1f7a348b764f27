// Memory keeps every law: the conformance run of core's own backend.
import { suite } from "@evolvent/testing/conformance"
import * as Memory from "evolvent/Memory"
import { describe, it } from "vitest"

suite("Memory", Memory.layer, { describe, it })
