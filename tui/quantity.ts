const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A span of milliseconds in one short word: `12s`, `3m`, `2h`, `9d`. */
export function short(ms: number): string {
  const span = Math.max(0, ms);
  if (span < MINUTE) return `${Math.floor(span / SECOND)}s`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)}m`;
  if (span < DAY) return `${Math.floor(span / HOUR)}h`;
  return `${Math.min(999, Math.floor(span / DAY))}d`;
}

/** A span of milliseconds to act by: `45 s`, `27 m`, `1 h 37 m`, `3 d 2 h`. */
export function long(ms: number): string {
  const span = Math.max(0, ms);
  const two = (big: number, bigUnit: string, small: number, unit: string) =>
    small > 0 ? `${big} ${bigUnit} ${small} ${unit}` : `${big} ${bigUnit}`;
  if (span < MINUTE) return `${Math.floor(span / SECOND)} s`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)} m`;
  if (span < DAY) return two(Math.floor(span / HOUR), 'h', Math.floor((span % HOUR) / MINUTE), 'm');
  return two(Math.floor(span / DAY), 'd', Math.floor((span % DAY) / HOUR), 'h');
}

const two = (value: number) => String(value).padStart(2, '0');

/** Local time of day, `14:02:11`, or `14:02` without seconds. */
export function clock(ts: number, seconds = true): string {
  const date = new Date(ts);
  const minutes = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return seconds ? `${minutes}:${two(date.getSeconds())}` : minutes;
}

/** `18,204`: grouped by thousands, the same in every locale. */
export function count(value: number): string {
  return String(Math.trunc(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

const SIZES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Three significant digits or so: what an operator compares at a glance. */
function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return count(Math.round(value));
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function bytes(value: number): readonly [string, string] {
  let size = value;
  let step = 0;
  while (Math.abs(size) >= 1_000 && step < SIZES.length - 1) {
    size /= 1_000;
    step++;
  }
  return [step === 0 ? String(Math.round(size)) : digits(size), SIZES[step] ?? 'B'];
}

/** A metric's value and its unit, apart: numbers align right and units are dim. An absent value is `-`. */
export function quantity(value: number | null | undefined, unit: string): readonly [value: string, unit: string] {
  if (value === null || value === undefined || !Number.isFinite(value)) return ['-', ''];
  if (unit === '%' || unit === 'percent') return [value.toFixed(1), '%'];
  const perSecond = /^(B|byte|bytes)\/s$/.test(unit);
  if (perSecond || /^(B|byte|bytes)$/.test(unit)) {
    const [number, size] = bytes(value);
    return [number, perSecond ? `${size}/s` : size];
  }
  return [digits(value), unit];
}
