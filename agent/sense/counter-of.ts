/** A counter of the kernel's has 20 digits at most; what is longer is none. */
const MAX_DIGITS = 20;

/**
 * The number at the start of a line of its own, after `name` and `gap`, as /proc/vmstat and /proc/meminfo have it; NaN where
 * there is none. By search, not by a regular expression: without a just-in-time compiler those cost ten times as much, and
 * these files are long.
 */
export function counterOf(text: string, name: string, gap = ' '): number {
  const sought = `${name}${gap}`;
  let at = text.startsWith(sought) ? 0 : text.indexOf(`\n${sought}`);
  if (at < 0) return Number.NaN;
  if (at > 0) at++;
  at += sought.length;
  while (text.charCodeAt(at) === 32) at++;
  const from = at;
  for (let digit = text.charCodeAt(at); digit >= 48 && digit <= 57; digit = text.charCodeAt(++at));
  return at === from || at - from > MAX_DIGITS ? Number.NaN : Number(text.slice(from, at));
}
