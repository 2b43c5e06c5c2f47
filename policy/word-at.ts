/** The word at an index, or an empty one where there is none: what is missing is never a name, a flag or a value. */
export function wordAt(words: readonly string[], at: number): string {
  return words[at] ?? '';
}
