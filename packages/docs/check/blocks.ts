// Finds the TypeScript blocks of a document: fenced in Markdown, or fenced in the doc comments of a source file.
import ts from "typescript-6"
import type { SourceFile } from "./workspace.ts"

/** One fenced block of TypeScript and where it stands. */
export interface Block {
  /** The document, from the workspace's root. */
  readonly path: string
  /** The line of the document that is the first line of the code. */
  readonly line: number
  /** How far the document indents the code, so that columns can be mapped too. */
  readonly indent: number
  readonly code: string
  /** The name under which later blocks of the same document import it. */
  readonly file: string | undefined
}

/** Something in a document that is not as it should be. */
export interface Problem {
  readonly path: string
  readonly line: number
  readonly message: string
}

/** What was found in a document. */
export interface Extracted {
  readonly blocks: ReadonlyArray<Block>
  readonly problems: ReadonlyArray<Problem>
}

/** A line of prose with its place in the document. */
interface Line {
  readonly text: string
  readonly line: number
  readonly indent: number
}

const fence = /^(\s*)(`{3,}|~{3,})\s*(.*?)\s*$/

/** The blocks of any document, by its extension. */
export const extract = (document: SourceFile): Extracted => {
  const texts = document.path.endsWith(".md") ? [linesOf(document.text)] : docComments(document)
  const found = texts.map((lines) => extractLines(document.path, lines))
  return { blocks: found.flatMap(({ blocks }) => blocks), problems: found.flatMap(({ problems }) => problems) }
}

const linesOf = (text: string): ReadonlyArray<Line> =>
  text.split(/\r?\n/).map((line, index) => ({ text: line, line: index + 1, indent: 0 }))

/** The doc comments of a source file, each as lines without their stars. */
const docComments = ({ path, text }: SourceFile): ReadonlyArray<ReadonlyArray<Line>> => {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext)
  // By position, for a comment leads each of the nodes that begin after it.
  const comments = new Map<number, ts.CommentRange>()
  const visit = (node: ts.Node): void => {
    for (const range of ts.getLeadingCommentRanges(text, node.pos) ?? []) comments.set(range.pos, range)
    ts.forEachChild(node, visit)
  }
  visit(file)
  visit(file.endOfFileToken)
  return [...comments.values()]
    .filter(({ pos }) => text.startsWith("/**", pos))
    .toSorted((a, b) => a.pos - b.pos)
    .map(({ pos, end }) => {
      const first = file.getLineAndCharacterOfPosition(pos).line + 1
      return text
        .slice(pos + 3, end - 2)
        .split(/\r?\n/)
        .map((line, index) => {
          const star = /^\s*\* ?/.exec(line)?.[0] ?? ""
          return { text: line.slice(star.length), line: first + index, indent: star.length }
        })
    })
}

const extractLines = (path: string, lines: ReadonlyArray<Line>): Extracted => {
  const blocks: Array<Block> = []
  const problems: Array<Problem> = []
  let open:
    | { readonly marks: string; readonly indent: string; readonly info: string; readonly line: number }
    | undefined
  let body: Array<Line> = []
  for (const line of lines) {
    const [, indent = "", marks = "", info = ""] = fence.exec(line.text) ?? []
    if (open === undefined) {
      if (marks !== "") open = { marks, indent, info, line: line.line }
      body = []
    } else if (marks.startsWith(open.marks) && info === "") {
      close(open, body)
      open = undefined
    } else {
      body.push(line)
    }
  }
  if (open !== undefined && isTypeScript(open.info)) {
    problems.push({ path, line: open.line, message: "this block never ends" })
  }
  return { blocks, problems }

  function close({ indent, info, line }: NonNullable<typeof open>, found: ReadonlyArray<Line>) {
    if (!isTypeScript(info)) return
    const [, ...attributes] = info.split(/\s+/)
    const file = attributes.find((each) => each.startsWith("file="))?.slice("file=".length)
    const unknown = attributes.filter((each) => !/^file=[\w-]+\.ts$/.test(each))
    if (unknown.length > 0) {
      const message = `"${unknown.join(" ")}" is not understood: every block compiles, and only file=name.ts may be said`
      problems.push({ path, line, message })
      return
    }
    const code = found.map(({ text }) => (text.startsWith(indent) ? text.slice(indent.length) : text.trimStart()))
    blocks.push({
      path,
      line: line + 1,
      indent: indent.length + (found[0]?.indent ?? 0),
      code: `${code.join("\n")}\n`,
      file
    })
  }
}

const isTypeScript = (info: string): boolean => /^(ts|typescript|tsx|mts)(\s|$)/i.test(info)
