import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CsvError, readCsv } from '../../agent/detect/csv.ts';
import type { Window } from './score.ts';

export interface LabelledSeries {
  readonly name: string;
  readonly ts: readonly number[];
  readonly values: readonly number[];
  readonly windows: readonly Window[];
}

/** Compiled or not: the fixtures lie in the checkout. */
function checkout(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const up = dirname(folder);
    if (up === folder) throw Object.assign(new Error('no checkout with fixtures/nab'), { code: 'E_BENCH_FIXTURE' });
    folder = up;
  }
  return folder;
}

/** The labelled series in a folder of NAB's layout; ours where none is named. */
export async function readCorpus(folder = join(checkout(), 'fixtures/nab')): Promise<LabelledSeries[]> {
  const labels: unknown = JSON.parse(readFileSync(join(folder, 'labels/combined_windows.json'), 'utf8'));
  const series: LabelledSeries[] = [];
  for (const [name, windows] of Object.entries(labels as Record<string, [string, string][]>)) {
    const ts: number[] = [];
    const values: number[] = [];
    for await (const row of readCsv(name, createReadStream(join(folder, 'data', name)))) {
      if (row instanceof CsvError) throw row;
      ts.push(row.ts);
      values.push(row.value ?? Number.NaN);
    }
    const utc = (text: string) => Date.parse(`${text.replace(' ', 'T').slice(0, 19)}Z`);
    const rows = windows.map(
      ([from, to]): Window => [ts.findIndex((at) => at >= utc(from)), ts.findLastIndex((at) => at <= utc(to))],
    );
    series.push({ name, ts, values, windows: rows });
  }
  return series;
}
