// @evolvent/testing/conformance: the laws that every backend keeps, as tests for a backend's own suite.
export { LawBroken, verdicts } from "./Law.ts"
export type { Law, Verdict } from "./Law.ts"
export { Patience } from "./Patience.ts"
export { Subject } from "./Subject.ts"
export type { Functions } from "./Subject.ts"
export { laws, suite, suites } from "./Suite.ts"
export type { Capabilities, Options, Runner, Suites } from "./Suite.ts"
