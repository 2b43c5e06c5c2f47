/** Log lines as journald reads them: `<N>` syslog priority, then key=value text. Never throws, never blocks a caller. */
export interface Log {
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Syslog priorities (RFC 5424 table 2). */
const PRIORITY = { error: 3, warn: 4, info: 6 } as const;

/** Everything outside printable ASCII and Latin letters is shown as an escape: a log line can't forge another. */
const visible = (text: string): string =>
  text.replace(/[^\x20-\x7e\u00a1-\u024f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Writes to `write` (a line each); `priority` puts journald's `<N>` before it. */
export function lineLog(name: string, write: (line: string) => void, priority = false): Log {
  const emit = (level: keyof typeof PRIORITY, message: string, fields: Fields = {}) => {
    const rest = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => ` ${key}=${visible(String(value))}`)
      .join('');
    write(
      `${priority ? `<${PRIORITY[level]}>` : ''}${name} ${level === 'info' ? '' : `${level}: `}${visible(message)}${rest}`,
    );
  };
  return {
    info: (message, fields) => emit('info', message, fields),
    warn: (message, fields) => emit('warn', message, fields),
    error: (message, fields) => emit('error', message, fields),
  };
}
