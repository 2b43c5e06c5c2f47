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

/** How metrics end, and the unit that this tells; the longer ending stands first. */
const UNITS: readonly (readonly [ending: RegExp, unit: string])[] = [
  [/(?:^|[._])(?:percent|pct)$/, '%'],
  [/(?:^|_)mib_per_h(?:our)?$/, 'MiB per hour'],
  [/(?:^|_)bytes_per_s(?:ec(?:ond)?)?$/, 'bytes per second'],
  [/_per_s(?:ec(?:ond)?)?$/, 'per second'],
  [/_per_m(?:in(?:ute)?)?$/, 'per minute'],
  [/_per_h(?:our)?$/, 'per hour'],
  [/[._]mib$/, 'MiB'],
  [/[._]bytes$/, 'bytes'],
  [/[._](?:ms|millis(?:econds)?)$/, 'ms'],
  [/[._](?:s|seconds?)$/, 's'],
  [/[._]minutes?$/, 'minutes'],
  [/[._](?:h|hours?|hours_left)$/, 'hours'],
  [/[._](?:days?|days_left)$/, 'days'],
  [/[._](?:c|celsius)$/, '°C'],
];

/** The unit that a metric's name tells, with the blank before it; empty of a count, a state, or a name that tells none. */
export function unitOf(metric: string): string {
  const unit = UNITS.find(([ending]) => ending.test(metric))?.[1];
  return unit === undefined ? '' : ` ${unit}`;
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
