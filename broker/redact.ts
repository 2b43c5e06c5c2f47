import { hideArguments, mayHoldArguments } from './secret-arguments.ts';
import { isHarmless, kindOfName, looksRandom } from './secret-names.ts';
import { MASK, SHAPES } from './secret-shapes.ts';

/**
 * Takes secrets out of text: at the agent before anything leaves the host, and at the hub before anything is kept
 * (invariant 12). Recall comes first; fixtures/redaction says how both are measured. Time is linear in the text.
 */

/** What is longer is cut before it is searched, unless the caller has room for more. */
const MAX_TEXT = 8_192;
/** The longest secret that is taken as one. */
const MAX_VALUE = 4_096;

/** Free text with what looks like a secret masked. Control bytes become blanks; the result is at most `max` long. */
export function redact(text: string, max = 512): string {
  let out = text.slice(0, Math.max(MAX_TEXT, max)).replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\u2028\u2029]/gu, ' ');
  for (const [shape, mask] of SHAPES) {
    out = typeof mask === 'string' ? out.replace(shape, mask) : out.replace(shape, mask);
  }
  out = hideAssigned(out);
  if (mayHoldArguments(out)) out = hideCommand(out);
  return cut(out, max);
}

/** Lines of one text, each as by `redact`; a private key that goes over several lines is hidden whole. */
export function redactLines(lines: readonly string[], max = 512): string[] {
  let inKey = false;
  return lines.map((line) => {
    const begins = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY/.test(line);
    const ends = /-----END [A-Z ]{0,40}PRIVATE KEY/.test(line);
    const hidden = inKey && !ends;
    inKey = ends ? false : inKey || begins;
    return hidden ? MASK : redact(line, max);
  });
}

/** A program's output, its lines kept; at most `max` long. */
export function redactOutput(text: string, max: number): string {
  return cut(redactLines(text.split('\n'), max).join('\n'), max);
}

/** A command line, argument by argument: what `redact` finds, and what the program's own flags say is a secret. */
export function redactArgv(argv: readonly string[], max = 512): string {
  const out: string[] = [];
  let length = 0;
  // Words are looked at until the result is full: a command line may have thousands.
  for (const word of hideArguments(argv.slice(0, max).map((one) => one.slice(0, MAX_TEXT)))) {
    if (length > max) break;
    const shown = redact(word, max);
    out.push(shown);
    length += shown.length + 1;
  }
  return cut(out.join(' '), max);
}

const cut = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, Math.max(0, max - 1))}…`;

/** A command inside a line: `CMD (curl -u op:secret ...)`. What separates the words stays as it was. */
function hideCommand(text: string): string {
  const parts = text.split(/(\s+)/);
  const words = hideArguments(parts.filter((_, i) => i % 2 === 0));
  return parts.map((part, i) => (i % 2 === 0 ? (words[i / 2] ?? part) : part)).join('');
}

/** A name and what puts a value to it: `name=`, `"name": `, `:name => `, `\"name\":`. */
const NAMED = /(?<![A-Za-z0-9_/])([A-Za-z_][\w.-]{0,127}?)(?:\\{0,3}["'])?[ \t]{0,4}(?:=>|->|[=:\u2192])[ \t]{0,4}/g;
const OPENING = /\\{0,3}["'`]|\[/y;
const SCHEME = /(?:(bearer|basic|token|apikey|negotiate|ntlm)|digest|aws4-hmac-sha256)[ \t]{1,4}/iy;
const UNQUOTED = new RegExp(`[^\\s,;&"'\`<>\\\\]{1,${MAX_VALUE}}`, 'y');

/** Masks the values of names that hold secrets. */
function hideAssigned(text: string): string {
  let out = '';
  let done = 0;
  NAMED.lastIndex = 0;
  for (let found = NAMED.exec(text); found !== null; found = NAMED.exec(text)) {
    const name = found[1] ?? '';
    const kind = kindOfName(name);
    if (kind === 'none') continue;
    const value = /cookie$/i.test(name) ? null : valueAt(text, NAMED.lastIndex);
    if (value === null) {
      const cookies = cookiesAt(text, NAMED.lastIndex);
      if (cookies === null) continue;
      out += text.slice(done, NAMED.lastIndex) + cookies.hidden;
      done = NAMED.lastIndex = cookies.end;
      continue;
    }
    const word = text.slice(value.start, value.end);
    if (isHarmless(name, word) || (kind === 'doubtful' && !looksRandom(word) && !/^[\w.-]+:\S+$/.test(word))) continue;
    out += text.slice(done, value.start) + MASK;
    done = NAMED.lastIndex = value.end;
  }
  return done === 0 ? text : out + text.slice(done);
}

/** Where a value stands that begins at `at`; null where a scheme follows whose parts have names of their own. */
function valueAt(text: string, at: number): { readonly start: number; readonly end: number } | null {
  if (text.startsWith(MASK, at)) return { start: at, end: at + MASK.length };
  let start = at;
  OPENING.lastIndex = start;
  const open = OPENING.exec(text)?.[0] ?? '';
  start += open.length;
  SCHEME.lastIndex = start;
  const scheme = SCHEME.exec(text);
  if (scheme !== null && scheme[1] === undefined) return null;
  if (scheme !== null) start += scheme[0].length;
  if (open !== '' && open !== '[') {
    const within = text.slice(start, start + MAX_VALUE);
    const close = within.indexOf(open);
    return { start, end: start + (close < 0 ? within.length : close) };
  }
  if (text.startsWith(MASK, start)) return { start, end: start + MASK.length };
  UNQUOTED.lastIndex = start;
  const word = (UNQUOTED.exec(text)?.[0] ?? '').replace(/[)\]}]{1,8}$/, '');
  return { start, end: start + word.length };
}

const COOKIE = /([\w.-]{1,128})=([^;\s"']{1,4096})/g;

/** A cookie header's pairs: those that hold a session are masked, the others tell what a browser was at. */
function cookiesAt(text: string, at: number): { readonly hidden: string; readonly end: number } | null {
  const within = /^[^"'\r\n]{1,4096}/.exec(text.slice(at, at + MAX_VALUE))?.[0] ?? '';
  if (!within.includes('=')) return null;
  const hidden = within.replace(COOKIE, (whole, name: string, value: string) =>
    kindOfName(name) !== 'none' || looksRandom(value) ? `${name}=${MASK}` : whole,
  );
  return { hidden, end: at + within.length };
}
