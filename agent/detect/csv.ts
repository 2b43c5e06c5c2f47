/** One row of a series: its line in the file, its time as written and in milliseconds; null where there is no value. */
export interface CsvRow {
  readonly line: number;
  readonly timestamp: string;
  readonly ts: number;
  readonly value: number | null;
}

/** What is wrong with one line. The rest of the file is still read. */
export class CsvError extends Error {
  readonly code: 'E_CSV_ROW' | 'E_CSV_TIME' | 'E_CSV_VALUE' | 'E_CSV_LINE';

  constructor(code: CsvError['code'], file: string, line: number, message: string) {
    super(`${file}:${line}: ${message}`);
    this.code = code;
  }
}

/** A row is a time and a number: what is longer is no row of ours, and is not kept in memory. */
const MAX_LINE = 4_096;
const MISSING = new Set(['', 'nan', 'null', 'na', 'n/a', '-']);
const HEADER = /^\s*"?(timestamp|time|ts|date)"?\s*,/i;
const PLAIN = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
/** Whole seconds since the epoch until the year 5138; larger numbers are milliseconds. */
const MAX_SECONDS = 1e11;

/** Rows of `timestamp,value`; a line that is none comes as an error. A header and empty lines are passed over. */
export async function* readCsv(
  file: string,
  chunks: AsyncIterable<Buffer | string>,
): AsyncGenerator<CsvRow | CsvError, void, undefined> {
  let line = 0;
  for await (const text of lines(chunks)) {
    line++;
    if (text === null) {
      yield new CsvError('E_CSV_LINE', file, line, `longer than ${MAX_LINE} characters`);
    } else if (text.trim() !== '' && !(line === 1 && HEADER.test(text.replace(/^\uFEFF/, '')))) {
      yield row(file, line, text.replace(/^\uFEFF/, ''));
    }
  }
}

function row(file: string, line: number, text: string): CsvRow | CsvError {
  const fields = text.split(',').map((field) => field.trim().replace(/^"(.*)"$/, '$1'));
  const [timestamp = '', said = ''] = fields;
  if (fields.length < 2) return new CsvError('E_CSV_ROW', file, line, 'expected timestamp,value');
  const ts = time(timestamp);
  if (ts === null) return new CsvError('E_CSV_TIME', file, line, `${quoted(timestamp)} is no time`);
  if (MISSING.has(said.toLowerCase())) return { line, timestamp, ts, value: null };
  const value = NUMBER.test(said) ? Number(said) : Number.NaN;
  if (!Number.isFinite(value)) return new CsvError('E_CSV_VALUE', file, line, `${quoted(said)} is no number`);
  return { line, timestamp, ts, value };
}

const quoted = (text: string) => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);

/** UTC unless an offset says otherwise; also seconds or milliseconds since the epoch. */
function time(text: string): number | null {
  if (NUMBER.test(text)) {
    const number = Number(text);
    return number >= 0 && number < MAX_SECONDS * 1e3 ? number * (number < MAX_SECONDS ? 1e3 : 1) : null;
  }
  const plain = PLAIN.exec(text);
  if (plain === null && !/^\d{4}-\d\d-\d\d/.test(text)) return null;
  const ts = Date.parse(plain === null ? text : `${plain[1]}T${plain[2]}Z`);
  return ts >= 0 ? ts : null;
}

/** Lines without their ends; null for one that is too long. */
async function* lines(chunks: AsyncIterable<Buffer | string>): AsyncGenerator<string | null, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  let tooLong = false;
  for await (const chunk of chunks) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    const parts = rest.split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      yield tooLong || part.length > MAX_LINE ? null : part;
      tooLong = false;
    }
    if (rest.length > MAX_LINE) {
      tooLong = true;
      rest = '';
    }
  }
  rest += decoder.decode();
  if (tooLong) yield null;
  else if (rest !== '') yield rest.length > MAX_LINE ? null : rest;
}
