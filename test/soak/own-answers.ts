import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { evalCommand } from '../../hub/commands/eval.ts';
import { replayCommand } from '../../hub/commands/replay.ts';

/** What came of answering scenarios again and again with the model that ships with the hub. */
export interface OwnAnswers {
  /** One line for each scenario of the first run, without its time. */
  readonly answers: readonly string[];
  /** Lines of later runs that were others than the first's, with both. */
  readonly different: readonly string[];
  /** What a replay of the last run's decisions said of those that did not come out byte for byte. */
  readonly replayed: readonly string[];
  readonly exit: number;
}

/** Evaluates `scenarios` (files or folders) so often, then makes the decisions of the last run again. */
export async function ownAnswers(scenarios: readonly string[], runs: number): Promise<OwnAnswers> {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-own-answers-'));
  const state = ['--state', join(folder, 'state')];
  const report = join(folder, 'report');
  try {
    const said: string[][] = [];
    for (let run = 0; run < runs; run++) {
      const files = scenarios.flatMap((file) => ['--scenarios', file]);
      const { lines } = await spoken((io) =>
        evalCommand([...files, '--model', 'own', '--report', report, ...state], io),
      );
      said.push(lines.map(untimed));
    }
    const [answers = [], ...others] = said;
    const different = others.flatMap((lines) =>
      answers.flatMap((line, i) => (lines[i] === line ? [] : [`${line}\n${lines[i]}`])),
    );
    const { exit, lines } = await spoken((io) => replayCommand(['--eval', report, '--json', ...state], io));
    return { answers, different, replayed: lines.filter((line) => !line.includes('"same":true,"parts"')), exit };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const untimed = (line: string): string => line.replace(/,"ms":[0-9.]+/, '');

async function spoken(run: (io: Parameters<typeof evalCommand>[1]) => Promise<number>) {
  const lines: string[] = [];
  const signal = new AbortController().signal;
  const io = { stdout: (line: string) => void lines.push(line), stderr: () => {}, stdin: Readable.from([]), signal };
  return { exit: await run(io), lines };
}
