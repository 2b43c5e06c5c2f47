/** Words by which loggers of every kind mark an error. */
const USUAL = [
  'error',
  'errors',
  'fatal',
  'panic',
  'critical',
  'crit',
  'alert',
  'emerg',
  'exception',
  'exceptions',
  'traceback',
  'failed',
  'failure',
  'segfault',
] as const;
const USUAL_ERROR = new RegExp(`(?:^|[^a-z0-9])(?:${USUAL.join('|')})(?:$|[^a-z0-9])`, 'i');
/** "0 errors", "error=none", "no error": said by what is well. */
const DENIED =
  /\b(?:no|0|without|zero) (?:error|fail)|(?:errors?|fail(?:ed|ures?)?)["']?[=:] ?["']?(?:0\b|none|null|nil|false|""|no\b)/i;
/** Characters of a line that are searched. */
const MAX_TEXT = 512;

/** What a site may declare instead: words with `*` for anything between. */
export const MAX_PATTERNS = 8;
const MAX_PATTERN = 128;
const MAX_STARS = 8;

/** True for a pattern that a site may declare. */
export const isPattern = (text: string): boolean =>
  text.length >= 2 &&
  text.length <= MAX_PATTERN &&
  text.replaceAll('*', '').trim().length >= 2 &&
  text.split('*').length - 1 <= MAX_STARS &&
  !/\p{C}/u.test(text);

/**
 * Tells error lines from others: by the site's own patterns, else by the usual words. A pattern is parts that must
 * follow one another, looked for from left to right: no text can make that slow, as it could a regular expression.
 */
export function errorLines(patterns: readonly string[]): (line: string) => boolean {
  if (patterns.length === 0) {
    return (line) => {
      const text = line.slice(0, MAX_TEXT);
      return USUAL_ERROR.test(text) && !DENIED.test(text);
    };
  }
  const wanted = patterns.map((pattern) => pattern.toLowerCase().split('*'));
  return (line) => {
    const text = line.slice(0, MAX_TEXT).toLowerCase();
    return wanted.some((parts) => {
      let from = 0;
      for (const part of parts) {
        const at = text.indexOf(part, from);
        if (at < 0) return false;
        from = at + part.length;
      }
      return true;
    });
  };
}
