/** One text that was made to be slow, and what it is called in a report. */
export interface HostileInput {
  readonly name: string;
  readonly text: string;
}

/** The largest text that any of them is: 1 MB, far past what compiles and past what is searched for destruction. */
const LENGTH = 1_000_000;

/** Shapes that are slow somewhere by their count and not by their length. */
const SHAPES: readonly HostileInput[] = [
  { name: 'substitutions in one another, 400 deep', text: `echo ${'$(echo '.repeat(400)}${')'.repeat(400)}` },
  { name: 'substitutions in one another, at the length of a text', text: `ls ${'$(ls '.repeat(800)}` },
  { name: '2^24 words of braces', text: `echo ${'{a,b}'.repeat(24)}` },
  { name: 'a range of braces', text: 'echo {1..100000000}' },
  { name: 'a line of 120 kB', text: `ls ${'a '.repeat(60_000)}` },
  { name: 'a quoted line of 120 kB', text: `echo "${'a '.repeat(60_000)}"` },
  { name: '10,000 pipes', text: Array.from({ length: 10_000 }, () => 'wc').join(' | ') },
  { name: '10,000 lists', text: Array.from({ length: 10_000 }, () => 'df').join(' && ') },
  { name: 'as many pipes as compile', text: Array.from({ length: 16 }, () => 'wc').join(' | ') },
  { name: 'as many words as compile', text: `ls ${Array.from({ length: 255 }, (_, i) => `/srv/${i}`).join(' ')}` },
  { name: 'a text of 4 kB in one word', text: `ls ${'a'.repeat(4_000)}` },
  { name: 'quotes that take turns', text: `echo ${`'a'"b"`.repeat(600)}` },
  { name: 'searches in one another', text: `find / ${'-exec find / '.repeat(300)}` },
  { name: 'awk in brackets', text: `awk '{print ${'('.repeat(1_500)}1${')'.repeat(1_500)}}'` },
  { name: 'sed with many addresses', text: `sed -n '${'/a/,/b/p;'.repeat(400)}'` },
  { name: 'SQL with many brackets', text: `psql -X -c 'select ${'('.repeat(1_500)}1${')'.repeat(1_500)}'` },
  { name: 'a fork bomb with a tail', text: `:(){ :|:& };:${' '.repeat(LENGTH)}` },
];

/** Pieces that were slow once when repeated, or that each reader treats in a way of its own. */
const PIECES = [
  ...['a', '$(', 'a;', 'ls|', 'sudo ', 'docker exec ', "sh -c '", 'x()', '{a,b}', '"', "'", '\\', '`', '$IFS'],
  ...["$'\\x41'", 'xargs -n1 ', 'watch ', 'find / -exec ', 'ssh a ', 'sentinel-x ', '>a ', 'echo x | sh | '],
  ...['git "aaa" ', 'rm /*/', '\n', '\0', '\u00e9', '<<E ', '../', '[', '(', 'LD_PRELOAD=x '],
] as const;

/** What stands before the pieces: each runs or reads what follows in a way of its own. */
const PREFIXES = ['', 'sudo ', 'xargs ', 'sh -c "', 'git "', 'docker '] as const;

/** Every text that the engine must answer within its bound: shapes, and 1 MB of each piece behind each prefix. */
export function* hostileInputs(): Generator<HostileInput> {
  yield* SHAPES;
  for (const prefix of PREFIXES) {
    for (const piece of PIECES) {
      const text = (prefix + piece.repeat(Math.ceil(LENGTH / piece.length))).slice(0, LENGTH);
      yield { name: `1 MB of ${JSON.stringify(piece)} after ${JSON.stringify(prefix)}`, text };
    }
  }
}
