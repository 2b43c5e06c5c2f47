import { createReadStream } from 'node:fs';
import { type Console, EXIT, readArguments, UsageError } from '../broker/command-line.ts';
import { CsvError, type CsvRow, readCsv } from './detect/csv.ts';
import { explain } from './detect/explain.ts';
import { Learner } from './detect/learner.ts';

const USAGE = `sentinel detect [--interval SECONDS] FILE.csv...
  Runs the agent's own learned detection, with its default settings, over series of timestamp,value (- is standard input).
  Prints a JSON line for each row: {"file","timestamp","value","score","alert","reason"}; score is 0 to 1, and 0.5 is the
  threshold; alert is true once per trouble. Times are UTC unless they say otherwise; a row without a value is a gap.
  Rows that can't be read are named on standard error; the rest is still judged, and the exit code is then 2.
  --interval SECONDS   the usual time between rows; it is learned from the first rows otherwise
Example:
  sentinel detect cpu.csv | grep '"alert":true'`;

/** A longer interval than a week leaves nothing to learn from. */
const MAX_INTERVAL_S = 7 * 86_400;

/** `sentinel detect`: exactly the shipping detector over files. Exit 2 when anything could not be read. */
export async function detectCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    { interval: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    USAGE,
  );
  if (values.help === true) {
    io.stdout(USAGE);
    return EXIT.done;
  }
  if (positionals.length === 0) throw new UsageError(`no file given\n${USAGE}`);
  const interval = readInterval(values.interval);
  let good = true;
  for (const file of positionals) {
    if (io.signal.aborted) break;
    good = (await detectFile(file, interval, io)) && good;
  }
  return good ? EXIT.done : EXIT.usage;
}

function readInterval(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= MAX_INTERVAL_S)) {
    throw new UsageError(
      `--interval ${JSON.stringify(text)}: expected seconds, more than 0, at most ${MAX_INTERVAL_S}`,
    );
  }
  return seconds * 1_000;
}

async function detectFile(file: string, interval: number | undefined, io: Console): Promise<boolean> {
  const learner = new Learner(interval === undefined ? {} : { interval });
  const judge = rowJudge(file, learner);
  let good = true;
  const complain = (code: string, message: string) => {
    good = false;
    io.stderr(`sentinel detect: ${code}: ${message}`);
  };
  try {
    for await (const row of readCsv(file, file === '-' ? io.stdin : createReadStream(file))) {
      if (io.signal.aborted) return good;
      if (row instanceof CsvError) complain(row.code, row.message);
      else io.stdout(judge(row));
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    complain('E_CSV_READ', `${file}: can't be read (${String(error.code)})`);
  }
  return good;
}

/** Judges rows in order and gives each its line of output. */
function rowJudge(file: string, learner: Learner): (row: CsvRow) => string {
  let last = Number.NEGATIVE_INFINITY;
  return ({ timestamp, ts, value }) => {
    const late = ts <= last;
    if (!late && value !== null) last = ts;
    const judged = value === null ? null : learner.add(ts, value);
    const reason =
      value === null
        ? 'no value: a gap.'
        : judged !== null
          ? `${explain('Value', '', learner.baseline.novelty(), learner.baseline.slice)}.`
          : late
            ? 'Not later than the row before: not judged.'
            : 'Still learning: nothing to compare with yet.';
    return JSON.stringify({
      file,
      timestamp,
      value,
      score: judged === null ? 0 : Math.round(judged.score * 1e6) / 1e6,
      alert: judged?.alert ?? false,
      reason,
    });
  };
}
