// The anchors of headings, as GitHub makes them: the second of a name gets a number.

/** The anchors of headings in the order of a page. */
export const anchorsOf = (headings: ReadonlyArray<string>): ReadonlyArray<string> => {
  const seen = new Map<string, number>()
  return headings.map((heading) => {
    const anchor = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-")
    const count = seen.get(anchor) ?? 0
    seen.set(anchor, count + 1)
    return count === 0 ? anchor : `${anchor}-${count}`
  })
}

/** The text outside of fences, where a link is a link and a heading is a heading. */
export const prose = (text: string): string => text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, "")
