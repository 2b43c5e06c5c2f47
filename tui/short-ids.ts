/** Letters of an id that people are shown: its last ones, which are random. */
const SHORTEST = 4;

let last: { readonly rows: readonly { readonly id: string }[]; readonly short: (id: string) => string } | null = null;

/**
 * How each of these ids is written so that it names one alone: by its last four letters, by more of them where two end
 * alike. Asked again with the same array it counts nothing anew.
 */
export function shortIds(rows: readonly { readonly id: string }[]): (id: string) => string {
  if (last?.rows === rows) return last.short;
  const byEnd = new Map<string, string[]>();
  for (const { id } of rows) {
    const alike = byEnd.get(id.slice(-SHORTEST));
    if (alike === undefined) byEnd.set(id.slice(-SHORTEST), [id]);
    else alike.push(id);
  }
  const short = (id: string): string => {
    const alike = (byEnd.get(id.slice(-SHORTEST)) ?? []).filter((other) => other !== id);
    let length = SHORTEST;
    while (length < id.length && alike.some((other) => other.endsWith(id.slice(-length)))) length++;
    return id.slice(-length);
  };
  last = { rows, short };
  return short;
}
