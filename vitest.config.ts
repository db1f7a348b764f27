// For editors and a bare `vitest`, which look for this name only.
export { default } from "./vitest.workspace.ts"
