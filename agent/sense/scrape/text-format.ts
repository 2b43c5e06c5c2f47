/** The Prometheus text format, version 0.0.4, as much as reading chosen numbers takes. */

/** Metrics that are wanted of one endpoint. */
export const MAX_SELECTORS = 32;
/** A line with longer labels is of no metric that anybody chose. */
const MAX_LINE = 4_096;
const MAX_LABELS = 16;
const NAME = /^[A-Za-z_:][A-Za-z0-9_:]{0,127}/;
const LABEL = /^[A-Za-z_][A-Za-z0-9_]{0,63}/;

/** A metric by its name, and by the labels that it must have. */
export interface Selector {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
}

export interface PrometheusSample extends Selector {
  readonly value: number;
}

/** `name` or `name{label="value",...}`; null for what is none. */
export function parseSelector(text: string): Selector | null {
  const read = readSeries(text);
  return read === null || text.slice(read.end).trim() !== '' ? null : { name: read.name, labels: read.labels };
}

/** One line with a number; null for comments, and for what is none. Never throws, linear in the line. */
export function parseSample(line: string): PrometheusSample | null {
  if (line.length > MAX_LINE || line.startsWith('#')) return null;
  const read = readSeries(line);
  if (read === null) return null;
  const [text = ''] = line
    .slice(read.end)
    .trim()
    .split(/[ \t]+/, 1);
  const value =
    text === '+Inf'
      ? Number.POSITIVE_INFINITY
      : /^[+-]?[\d.]+(?:[eE][+-]?\d+)?$/.test(text)
        ? Number(text)
        : Number.NaN;
  return Number.isNaN(value) ? null : { name: read.name, labels: read.labels, value };
}

/** `# TYPE name type`; null for all else. */
export function parseType(line: string): { readonly name: string; readonly type: string } | null {
  const match = /^# TYPE ([A-Za-z_:][A-Za-z0-9_:]{0,127}) ([a-z]{1,16})\s*$/.exec(line.slice(0, MAX_LINE));
  return match?.[1] === undefined || match[2] === undefined ? null : { name: match[1], type: match[2] };
}

/** True when a sample is one of those that a selector means. */
export function selects({ name, labels }: Selector, sample: PrometheusSample): boolean {
  if (name !== sample.name) return false;
  for (const [label, value] of labels) if (sample.labels.get(label) !== value) return false;
  return true;
}

function readSeries(text: string): { name: string; labels: Map<string, string>; end: number } | null {
  const name = NAME.exec(text)?.[0];
  const labels = new Map<string, string>();
  if (name === undefined) return null;
  let at = name.length;
  if (text[at] !== '{') return { name, labels, end: at };
  at++;
  while (text[at] !== '}') {
    const label = LABEL.exec(text.slice(at, at + 64))?.[0];
    if (label === undefined || labels.size >= MAX_LABELS) return null;
    at += label.length;
    if (text[at] !== '=' || text[at + 1] !== '"') return null;
    const value = readQuoted(text, at + 2);
    if (value === null) return null;
    labels.set(label, value.text);
    at = value.end;
    if (text[at] === ',') at++;
    else if (text[at] !== '}') return null;
  }
  return { name, labels, end: at + 1 };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', '\\': '\\', '"': '"' };

/** From behind the opening quote; `end` is behind the closing one. */
function readQuoted(text: string, from: number): { readonly text: string; readonly end: number } | null {
  let out = '';
  for (let at = from; at < text.length; at++) {
    const c = text[at] ?? '';
    if (c === '"') return { text: out, end: at + 1 };
    if (c !== '\\') {
      out += c;
      continue;
    }
    const escaped = ESCAPES[text[at + 1] ?? ''];
    if (escaped === undefined) return null;
    out += escaped;
    at++;
  }
  return null;
}
