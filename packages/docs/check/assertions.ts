// Turns the `// =>` of an example into checks: the same module, line for line, that reports what it really gives.
import ts from "typescript-6"

/** One `// =>` of a block; the line counts from 1 within the block. */
export interface Assertion {
  readonly line: number
  /** What was written after the arrow. */
  readonly expected: string
}

/** A module that checks itself, and what could not be made into a check. */
export interface Instrumented {
  readonly code: string
  readonly assertions: ReadonlyArray<Assertion>
  readonly problems: ReadonlyArray<{ readonly line: number; readonly message: string }>
}

interface Edit {
  readonly at: number
  readonly text: string
}

/** What the checks call (run-examples.ts puts it there); a global, so that no line has to be added to the module. */
const harness = "globalThis.__example"

/**
 * Rewrites a block's code. Of an expression statement the value is checked, of `const x = …` the value of `x`, and of
 * a `console.log` or `Console.log` (any level) the text that it prints. Nothing moves to another line.
 */
export const instrument = (code: string): Instrumented => {
  const file = ts.createSourceFile("example.ts", code, ts.ScriptTarget.ESNext, true)
  const edits: Array<Edit> = []
  const assertions: Array<Assertion> = []
  const problems: Array<{ line: number; message: string }> = []
  const statements = statementsOf(file)
  for (const { start, line, expected } of arrowsOf(file)) {
    assertions.push({ line, expected })
    // The statement that the comment follows, on its own line or on the one before.
    const statement = statements.findLast((each) => each.end <= start && isBlank(code.slice(each.end, start)))
    const made = statement === undefined ? "no statement ends here" : check(file, statement, line, expected)
    if (typeof made === "string") problems.push({ line, message: made })
    else edits.push(...made)
  }
  const inOrder = edits.toSorted((a, b) => b.at - a.at)
  const instrumented = inOrder.reduce((text, { at, text: added }) => text.slice(0, at) + added + text.slice(at), code)
  return { code: instrumented, assertions, problems }
}

const isBlank = (between: string): boolean => /^[;\s]*$/.test(between)

/** Inner statements come after the ones around them, so that the last fit is the closest. */
const statementsOf = (file: ts.SourceFile): ReadonlyArray<ts.Statement> => {
  const found: Array<ts.Statement> = []
  const visit = (node: ts.Node): void => {
    if (ts.isExpressionStatement(node) || ts.isVariableStatement(node)) found.push(node)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

/** The `// =>` comments; lines of `//` and two spaces or more right below continue one. */
const arrowsOf = (file: ts.SourceFile) => {
  const found: Array<{ readonly start: number; readonly line: number; expected: string; until: number }> = []
  for (const start of lineComments(file)) {
    const { line } = file.getLineAndCharacterOfPosition(start)
    const text = file.text.slice(start + 2).split(/\r?\n/, 1)[0] ?? ""
    const arrow = /^\s*=>\s?(.*)$/.exec(text)
    const last = found.at(-1)
    if (arrow !== null) {
      found.push({ start, line: line + 1, expected: (arrow[1] ?? "").trimEnd(), until: line })
    } else if (last?.until === line - 1 && /^\s{2,}\S/.test(text)) {
      last.expected += `\n${text.trimEnd()}`
      last.until = line
    }
  }
  return found
}

/** Where each `//` comment begins. The scanner knows comments from strings; the tree gives it its bearings. */
const lineComments = (file: ts.SourceFile): ReadonlyArray<number> => {
  const starts = new Set<number>()
  const collect = (ranges: ReadonlyArray<ts.CommentRange> | undefined) => {
    for (const { pos, kind } of ranges ?? []) if (kind === ts.SyntaxKind.SingleLineCommentTrivia) starts.add(pos)
  }
  const visit = (node: ts.Node): void => {
    for (const child of node.getChildren(file)) {
      if (child.kind !== ts.SyntaxKind.JsxText) {
        collect(ts.getLeadingCommentRanges(file.text, child.pos))
        collect(ts.getTrailingCommentRanges(file.text, child.end))
      }
      visit(child)
    }
  }
  visit(file)
  return [...starts].toSorted((a, b) => a - b)
}

/** The edits that make a statement check itself, or why there are none. */
const check = (
  file: ts.SourceFile,
  statement: ts.Statement,
  line: number,
  expected: string
): ReadonlyArray<Edit> | string => {
  if (expected === "") return "nothing is written after the arrow"
  if (ts.isExpressionStatement(statement)) {
    const { expression } = statement
    const print = printCall(expression)
    if (print !== undefined) {
      const args = print.arguments
      if (args.length === 0) return "this prints nothing"
      return [
        { at: args.pos, text: `...${harness}.printed(import.meta.url, ${line}, ${JSON.stringify(expected)}, ` },
        { at: args.end, text: ")" }
      ]
    }
    const unreadable = whyUnreadable(expected)
    if (unreadable !== undefined) return unreadable
    return [
      { at: expression.getStart(file), text: `${harness}.value(import.meta.url, ${line}, ` },
      { at: expression.end, text: `, () => (${oneLine(expected)}))` }
    ]
  }
  const declarations = ts.isVariableStatement(statement) ? statement.declarationList.declarations : []
  const name = declarations.at(-1)?.name
  if (declarations.length !== 1 || name === undefined || !ts.isIdentifier(name)) {
    return "only an expression, a printed line or a single const can be checked"
  }
  const unreadable = whyUnreadable(expected)
  if (unreadable !== undefined) return unreadable
  return [
    {
      at: statement.end,
      text: `;${harness}.value(import.meta.url, ${line}, ${name.text}, () => (${oneLine(expected)}));`
    }
  ]
}

/** `console.log(…)`, or `yield* Console.log(…)`, whichever level. */
const printCall = (expression: ts.Expression): ts.CallExpression | undefined => {
  if (ts.isYieldExpression(expression) && expression.expression !== undefined) return printCall(expression.expression)
  if (!ts.isCallExpression(expression) || !ts.isPropertyAccessExpression(expression.expression)) return undefined
  const { expression: on, name } = expression.expression
  const isConsole = ts.isIdentifier(on) && (on.text === "console" || on.text === "Console")
  return isConsole && ["log", "info", "warn", "error", "debug"].includes(name.text) ? expression : undefined
}

const oneLine = (expected: string): string => expected.replace(/\s*\n\s*/g, " ")

const whyUnreadable = (expected: string): string | undefined => {
  const { diagnostics = [] } = ts.transpileModule(`(${oneLine(expected)}\n)`, { reportDiagnostics: true })
  return diagnostics.length === 0 ? undefined : `not an expression: ${expected}`
}
