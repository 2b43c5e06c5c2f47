/** A logger's JSON line of more is data. */
const MAX_JSON = 8_192;
const MESSAGE_KEYS = ['msg', 'message', 'MESSAGE', 'event', 'log', 'error'] as const;
const LEVEL_KEYS = ['level', 'severity', 'lvl', 'PRIORITY'] as const;
/** pino's and bunyan's numbers. */
const NUMBERED: Readonly<Record<number, string>> = { 40: 'warn', 50: 'error', 60: 'fatal' };

/** What a line says: of a logger that writes JSON its level and message, of others the line itself. */
export function lineText(line: string): string {
  if (!line.startsWith('{') || line.length > MAX_JSON) return line;
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    return line;
  }
  if (typeof fields !== 'object' || fields === null) return line;
  const of = (names: readonly string[]): unknown =>
    names.map((name) => (fields as Record<string, unknown>)[name]).find((value) => value !== undefined);
  const message = of(MESSAGE_KEYS);
  if (typeof message !== 'string') return line;
  const level = of(LEVEL_KEYS);
  const word = typeof level === 'number' ? (NUMBERED[level] ?? '') : typeof level === 'string' ? level : '';
  return word === '' ? message : `${word.slice(0, 16)} ${message}`;
}
