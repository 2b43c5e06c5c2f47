import type { Random } from './random.ts';

/** A text, or one of several; brackets of a wording that hold a bar are a choice, all others stand for themselves. */
type Part = string | readonly (readonly Part[])[];

/** One of each choice of a wording: `a [b|c [d|]] e`. */
export const chosen = (wording: string, random: Random): string =>
  spelled(partsOf(wording), (choices) => random.pick(choices));

/** Everything that a wording can say. */
export function everyChoice(wording: string): readonly string[] {
  const all = (parts: readonly Part[]): readonly string[] =>
    parts.reduce<readonly string[]>(
      (begun, part) => {
        const ends = typeof part === 'string' ? [part] : part.flatMap(all);
        return begun.flatMap((text) => ends.map((end) => text + end));
      },
      [''],
    );
  return all(partsOf(wording));
}

function spelled(parts: readonly Part[], pick: (choices: readonly (readonly Part[])[]) => readonly Part[]): string {
  return parts.map((part) => (typeof part === 'string' ? part : spelled(pick(part), pick))).join('');
}

function partsOf(wording: string): readonly Part[] {
  let at = 0;
  const read = (isInner: boolean): readonly (readonly Part[])[] => {
    const choices: Part[][] = [[]];
    const put = (part: Part) => void choices.at(-1)?.push(part);
    for (; at < wording.length; at++) {
      const sign = wording.charAt(at);
      if (isInner && sign === ']') return choices;
      if (sign === '|' && isInner) choices.push([]);
      else if (sign === '[') {
        at++;
        const inner = read(true);
        if (wording.charAt(at) !== ']') throw new Error(`a bracket stays open in: ${wording}`);
        const [only = []] = inner;
        if (inner.length > 1) put(inner);
        else for (const part of ['[', ...only, ']']) put(part);
      } else put(sign);
    }
    return choices;
  };
  const [whole = []] = read(false);
  return whole;
}
