/**
 * How numbers and foreign text become the words of evidence. Fixed formats without a locale: the same record gives
 * the same bytes on every machine.
 */

const MIB = 1_048_576;

/**
 * One line of at most `max` characters: control, format and direction characters, line breaks and lone surrogates
 * become blanks, so that remote text can neither move a cursor nor start a new line of a prompt.
 */
export function oneLine(text: string, max: number): string {
  const flat = text
    .slice(0, max * 4)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\uFFFD]/gu, ' ')
    .replace(/\s+/gu, ' ')
    .trim();
  const points = [...flat];
  return points.length <= max ? flat : `${points.slice(0, max - 1).join('')}…`;
}

/** A process's own name for a sentence: only harmless characters, since anyone may choose it. */
export function plainName(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9._+:/@-]/g, '_').slice(0, 48);
  return plain === '' ? 'unnamed' : plain;
}

/** `412`, `3.7`, `0.042`: three digits that matter, never an exponent. */
export function number(value: number): string {
  const size = Math.abs(value);
  if (size >= 100 || value === 0) return BigInt(Math.round(value)).toString();
  return String(Number(value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 4)));
}

/** The unit that a metric's name tells, with the blank before it. */
export function unitOf(metric: string): string {
  if (metric.endsWith('percent')) return ' %';
  if (metric.endsWith('_mib')) return ' MiB';
  if (metric.endsWith('_bytes')) return ' bytes';
  if (metric.endsWith('_per_s')) return ' per second';
  if (metric.endsWith('_per_minute')) return ' per minute';
  return '';
}

/** Bytes as MiB. */
export const mib = (bytes: number): string => `${number(bytes / MIB)} MiB`;

/** Seconds in the largest fitting unit, for instance `3 minutes`. */
export function duration(seconds: number): string {
  const [size, word] =
    seconds < 120
      ? [1, 'second']
      : seconds < 7_200
        ? [60, 'minute']
        : seconds < 172_800
          ? [3_600, 'hour']
          : [86_400, 'day'];
  const count = Math.max(0, Math.round(seconds / size));
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
