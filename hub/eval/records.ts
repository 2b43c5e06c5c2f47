import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../../broker/durable-file.ts';
import type { DecisionRecord } from '../replay/record.ts';
import type { Case } from './summary.ts';

/** The file of a report's folder in which an evaluation leaves its decisions: a JSON line for each scenario. */
export const RECORDS = 'decisions.jsonl';

/** Characters of one line: a decision with the prompts of several models has some hundred thousand. */
const MAX_LINE = 16_777_216;

/** One scenario's decision as it was left. */
export interface RecordLine {
  readonly id: string;
  readonly record: DecisionRecord;
}

/** What was read is none of them. */
export class RecordError extends Error {
  readonly code = 'E_REPLAY_RECORD';
}

/** Leaves the decisions of a run, so that `sentinel replay --eval` can make them again. Whole or not at all. */
export function writeRecords(folder: string, cases: readonly Case[]): void {
  const lines = cases.map(({ way: { line, record } }) => `${JSON.stringify({ id: line.id, record })}\n`);
  writeDurably(join(folder, RECORDS), lines.join(''));
}

/** Reads them back, one at a time. Throws a RecordError that names the line for what is no record of ours. */
export async function* readRecords(folder: string): AsyncGenerator<RecordLine> {
  const file = join(folder, RECORDS);
  let number = 0;
  let rest = '';
  for await (const piece of createReadStream(file, { encoding: 'utf8', highWaterMark: 1_048_576 })) {
    const lines = (rest + String(piece)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield parsed(line, `${file}, line ${++number}`);
    if (rest.length > MAX_LINE) throw notOurs(`${file}, line ${number + 1}`);
  }
  if (rest !== '') yield parsed(rest, `${file}, line ${number + 1}`);
}

function parsed(line: string, where: string): RecordLine {
  try {
    const value: unknown = JSON.parse(line);
    if (isRecordLine(value)) return value;
  } catch {
    // Said below.
  }
  throw notOurs(where);
}

const notOurs = (where: string): RecordError =>
  new RecordError(`${where}: no decision that an evaluation left: run \`sentinel eval\` again`);

/** The parts that a replay looks into first; a record of other content than its parts' own then differs, and says where. */
function isRecordLine(value: unknown): value is RecordLine {
  const isObject = (one: unknown): one is Readonly<Record<string, unknown>> => typeof one === 'object' && one !== null;
  if (!isObject(value) || typeof value['id'] !== 'string' || !isObject(value['record'])) return false;
  const { evidence, draft, plan, plan_hash, diagnoses } = value['record'];
  return [evidence, draft, plan].every(isObject) && typeof plan_hash === 'string' && Array.isArray(diagnoses);
}
