// lines: the commands in the code blocks of a page, each on one line: what is printed, what is tried, and what is tested.

/** The curl commands of a Markdown text, in order. */
export const linesOf = (markdown: string): ReadonlyArray<string> =>
  [...markdown.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = ""]) =>
    block
      .replaceAll(/\\\n\s*/g, "")
      .split("\n")
      .filter((line) => line.startsWith("curl "))
  )
