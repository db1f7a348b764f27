// The peer "ours" with Effect's schema compiler, which an application switches on before it loads anything else.
import "effect/schema/SchemaJITCompiler/enable"

await import("./ours.ts")
