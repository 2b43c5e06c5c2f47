import { createReadStream, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { DecisionRecord } from '../replay/record.ts';
import type { Case } from './summary.ts';

/** The file of a report's folder in which an evaluation leaves its decisions: a JSON line for each scenario. */
export const RECORDS = 'decisions.jsonl';

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
  const draft = join(folder, `${RECORDS}.new`);
  writeFileSync(draft, lines.join(''), { mode: 0o640 });
  renameSync(draft, join(folder, RECORDS));
}

/** Reads them back, one at a time. Throws a RecordError that names the line for what is no record of ours. */
export async function* readRecords(folder: string): AsyncGenerator<RecordLine> {
  const file = join(folder, RECORDS);
  let number = 0;
  for await (const line of createInterface({
    input: createReadStream(file, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    number++;
    yield parsed(line, `${file}, line ${number}`);
  }
}

function parsed(line: string, where: string): RecordLine {
  try {
    const value: unknown = JSON.parse(line);
    if (isRecordLine(value)) return value;
  } catch {
    // Said below.
  }
  throw new RecordError(`${where}: no decision that an evaluation left: run \`sentinel eval\` again`);
}

/** The parts that a replay looks into first; a record of other content than its parts' own then differs, and says where. */
function isRecordLine(value: unknown): value is RecordLine {
  const isObject = (one: unknown): one is Readonly<Record<string, unknown>> => typeof one === 'object' && one !== null;
  if (!isObject(value) || typeof value['id'] !== 'string' || !isObject(value['record'])) return false;
  const { evidence, draft, plan, plan_hash, diagnoses } = value['record'];
  return [evidence, draft, plan].every(isObject) && typeof plan_hash === 'string' && Array.isArray(diagnoses);
}
