/**
 * How many repetitions a pattern of an answer key may hold: each multiplies the ways to match by the length of the text.
 * Blanks and digits stand in short runs, so that many do no harm; of all else two, over a cause of some 1,400 characters,
 * end within seconds.
 */
const MOST = { narrow: 8, wide: 2 } as const;

/**
 * How many ways a pattern may leave out what it may leave out, or choose where it has alternatives: one after the other they
 * multiply, and each is tried at each place of the text. By the number of wide repetitions, which multiply with them.
 */
const MOST_WAYS = [1_000, 100, 10] as const;

/**
 * Why a pattern of an answer key may take for ever on some text; null when it may be used. A scenario file is handed
 * around: a repetition of what itself repeats, may be left out or has alternatives tries every way to match, and so do
 * many of the latter side by side.
 */
export function patternProblem(source: string): string | null {
  const whole: Group = { varies: false, ways: 1, before: 0 };
  const groups: Group[] = [whole];
  const repetitions = { narrow: 0, wide: 0 };
  for (let at = 0; at < source.length; ) {
    const [length, atom] = atomAt(source, at);
    const sort = /^\\[sd]/.test(source.slice(at, at + 2)) ? 'narrow' : 'wide';
    at += length;
    if (atom === 'open') {
      groups.push({ varies: false, ways: 1, before: 0 });
      continue;
    }
    const closed = atom === 'close' ? groups.pop() : undefined;
    const around = groups.at(-1);
    if (around === undefined) return null;
    if (atom === 'bar') {
      around.varies = true;
      around.before += around.ways;
      around.ways = 1;
    }
    const [quantifier = ''] = QUANTIFIER.exec(source.slice(at, at + 24)) ?? [];
    at += quantifier.length;
    const repeats = /^(?:[*+]|\{)/.test(quantifier);
    if (repeats && closed?.varies === true) return 'repeats what repeats or varies itself';
    if (repeats && ++repetitions[sort] > MOST[sort]) return `holds more than ${MOST[sort]} such repetitions`;
    if (quantifier !== '' || closed?.varies === true) around.varies = true;
    around.ways *= (closed === undefined ? 1 : closed.before + closed.ways) + (quantifier.startsWith('?') ? 1 : 0);
  }
  const most = MOST_WAYS[repetitions.wide] ?? 0;
  return whole.before + whole.ways > most ? `has more than ${most} ways to match` : null;
}

/** A bracket that is open, and whether what it holds can match texts of several lengths. */
interface Group {
  varies: boolean;
  /** In how many ways its present alternative can be gone through, and all that came before it. */
  ways: number;
  before: number;
}

const QUANTIFIER = /^(?:[*+?]|\{\d{1,9}(?:,\d{0,9})?\})\??/;

/** How many characters one atom of a pattern takes, and what it is. */
function atomAt(source: string, at: number): readonly [number, 'open' | 'close' | 'bar' | 'other'] {
  const [first] = source.slice(at, at + 1);
  if (first === '\\') return [2, 'other'];
  if (first === '|') return [1, 'bar'];
  if (first === ')') return [1, 'close'];
  if (first === '(')
    return [/^\((?:\?(?:[:=!]|<[=!]|<\w{1,64}>))?/.exec(source.slice(at, at + 72))?.[0].length ?? 1, 'open'];
  if (first !== '[') return [1, 'other'];
  let end = at + 1;
  while (end < source.length && source[end] !== ']') end += source[end] === '\\' ? 2 : 1;
  return [end + 1 - at, 'other'];
}
