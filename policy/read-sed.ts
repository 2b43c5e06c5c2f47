import type { Problem } from './languages.ts';

/**
 * Reads a sed script and says why it may do more than print. Known are addresses and ranges, blocks, and the commands
 * `p d q Q = n N h H g G x P y s`; `e` runs commands, `w` and `r` name files, `D` and jumps may not end, text is not read.
 */
export function sedProblem(script: string): Problem | null {
  const text = script.trim();
  let at = 0;
  let blocks = 0;
  if (text === '') return problem('is empty');
  while (at < text.length) {
    const rest = text.slice(at);
    const between = lengthOf(/^[ \t;]+/, rest);
    if (between > 0) {
      at += between;
      continue;
    }
    if (rest.startsWith('}')) {
      if (--blocks < 0) return problem('closes a block that is not open');
      at++;
      continue;
    }
    const address = addresses(rest);
    if (address === null) return problem('has an address that is not understood');
    const command = text.charAt(at + address);
    const body = text.slice(at + address + 1);
    if (command === '{') {
      blocks++;
      at += address + 1;
      continue;
    }
    const length = commandLength(command, body);
    if (length === null) return problem(`has ${JSON.stringify(command)}, which does more than print`);
    const ended = /^[ \t]*(?:;|\}|$)/.test(body.slice(length));
    if (!ended) return problem(`has ${JSON.stringify(command)} with something after it`);
    at += address + 1 + length;
  }
  return blocks === 0 ? null : problem('has a block that does not end');
}

const lengthOf = (pattern: RegExp, text: string): number => pattern.exec(text)?.[0].length ?? 0;

const problem = (reason: string): Problem => ({ reason: `this sed script ${reason}`, changes: true });

const ADDRESS = String.raw`(?:\d{1,12}(?:~\d{1,9})?|\$|/(?:[^/\\]|\\[^\n])*/[IM]?)`;
const ADDRESSES = new RegExp(String.raw`^(?:${ADDRESS}(?:,(?:${ADDRESS}|[+~]\d{1,9}))?)?[ \t]*!?[ \t]*`);

/** Length of the addresses at the start; null when one of them could be read in two ways. */
function addresses(rest: string): number | null {
  const found = rest.slice(0, lengthOf(ADDRESSES, rest));
  return found.includes('/') && openBracket(found) ? null : found.length;
}

/** Length of what belongs to a command, after its letter; null when the command is not one of ours. */
function commandLength(command: string, body: string): number | null {
  if (/^[pd=nNhHgGxP]$/.test(command)) return 0;
  if (/^[qQ]$/.test(command)) return lengthOf(/^[ \t]*\d{0,3}/, body);
  if (command !== 's' && command !== 'y') return null;
  const mark = body.charAt(0);
  if (!/^[^\s\\A-Za-z0-9;{}]$/.test(mark)) return null;
  const first = untilMark(body, 1, mark);
  const second = first === null ? null : untilMark(body, first + 1, mark);
  if (first === null || second === null) return null;
  // Seds differ on whether a mark in brackets ends the pattern: where they differ, nothing is allowed.
  if (openBracket(body.slice(1, first))) return null;
  if (command === 'y') return second + 1;
  const flags = lengthOf(/^[gpiI0-9]{0,6}/, body.slice(second + 1));
  return second + 1 + flags;
}

function untilMark(text: string, from: number, mark: string): number | null {
  for (let i = from; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === '\\') i++;
    else if (c === mark) return i;
  }
  return null;
}

function openBracket(pattern: string): boolean {
  return /\[/.test(pattern.replace(/\\./g, '').replace(/\[\^?\]?[^\]]*\]/g, ''));
}
