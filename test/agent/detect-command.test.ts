import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CsvError, readCsv } from '../../agent/detect/csv.ts';
import { detectCommand } from '../../agent/detect-command.ts';
import { EXIT } from '../../broker/command-line.ts';
import { alerts, DAY, dice, START } from './detect-series.ts';

const folder = mkdtempSync(join(tmpdir(), 'detect-'));
const test = suite('detect command');
test.after(() => rmSync(folder, { recursive: true }));

interface Line {
  readonly file: string;
  readonly timestamp: string;
  readonly value: number | null;
  readonly score: number;
  readonly alert: boolean;
  readonly reason: string;
}

async function run(argv: readonly string[], input: readonly (string | Buffer)[] = []) {
  const out: string[] = [];
  const err: string[] = [];
  async function* stdin() {
    yield* input;
  }
  const code = await detectCommand(argv, {
    stdout: (line) => out.push(line),
    stderr: (line) => err.push(line),
    stdin: stdin(),
    signal: new AbortController().signal,
  });
  return { code, out, err, lines: () => out.map((line): Line => JSON.parse(line)) };
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const utc = (ms: number) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
const csv = (values: readonly number[]) =>
  `timestamp,value\n${values.map((value, i) => `${utc(START + i * 30_000)},${value}\n`).join('')}`;

test('prints a judgement for each row, and the alerts of the shipping detector', async () => {
  const { normal } = dice(1);
  const values = Array.from({ length: (3 * DAY) / 30 }, (_, i) => (i * 30 < 2.5 * DAY ? 50 : 80) + normal());
  const path = file('step.csv', csv(values));
  const { code, err, lines } = await run([path]);
  assert.is(code, EXIT.done);
  assert.equal(err, []);
  const rows = lines();
  assert.is(rows.length, values.length);
  const said = rows.flatMap(({ alert }, i) => (alert ? [i * 30] : []));
  assert.equal(
    said,
    alerts((t) => values[t / 30] ?? null, 3 * DAY).map(({ t }) => t),
  );
  const alert = rows.find((row) => row.alert);
  assert.ok(alert);
  assert.equal(Object.keys(alert), ['file', 'timestamp', 'value', 'score', 'alert', 'reason']);
  assert.is(alert.file, path);
  assert.ok(alert.score > 0.5 && alert.score <= 1);
  assert.match(alert.reason, /^Value: .*\d.*\.$/);
  assert.is(rows[0]?.score, 0);
  assert.match(rows[0]?.reason ?? '', /learning/);
});

test('a known interval is not learned, a wrong one refused', async () => {
  const path = file('few.csv', csv([1, 2, 3]));
  assert.is((await run(['--interval', '30', path])).code, EXIT.done);
  for (const bad of ['0', '-5', 'x', '1e9', '']) {
    let code = '';
    await run(['--interval', bad, path]).catch((error: { code: string }) => {
      code = error.code;
    });
    assert.is(code, 'E_USAGE', bad);
  }
});

test('bad rows are named with file and line, and do not stop the rest', async () => {
  const path = file(
    'bad.csv',
    'timestamp,value\n2026-01-05 00:00:00,1\nnonsense\n2026-01-05 00:01:00,one\nlater,3\n2026-01-05 00:02:00,\n2026-01-05T00:03:00+01:00,4\n',
  );
  const { code, err, lines } = await run([path, file('good.csv', csv([1, 2]))]);
  assert.is(code, EXIT.usage);
  assert.equal(
    err.map((line) => line.slice(line.indexOf('E_'))),
    [
      `E_CSV_ROW: ${path}:3: expected timestamp,value`,
      `E_CSV_VALUE: ${path}:4: "one" is no number`,
      `E_CSV_TIME: ${path}:5: "later" is no time`,
    ],
  );
  assert.equal(
    lines().map(({ value }) => value),
    [1, null, 4, 1, 2],
  );
  assert.match(lines()[1]?.reason ?? '', /gap/);
  assert.match(lines()[2]?.reason ?? '', /[Nn]ot later/);
});

test('a file that is not there is a coded error; the other one is judged', async () => {
  const { code, err, out } = await run([join(folder, 'none.csv'), file('ok.csv', csv([1]))]);
  assert.is(code, EXIT.usage);
  assert.match(err[0] ?? '', /E_CSV_READ: .*none\.csv: can't be read \(ENOENT\)/);
  assert.is(out.length, 1);
});

test('reads standard input, in any pieces, with any line ends and times', async () => {
  const { code, lines } = await run(['-'], [Buffer.from('1767571200,1\r\n17675712'), '30,2\n1767571260000,', '3']);
  assert.is(code, EXIT.done);
  assert.equal(
    lines().map(({ value }) => value),
    [1, 2, 3],
  );
});

test('help has an example; no file is a usage error', async () => {
  const { code, out } = await run(['--help']);
  assert.is(code, EXIT.done);
  assert.match(out.join('\n'), /Example:\n {2}sentinel detect/);
  let refused = '';
  await run([]).catch((error: { code: string }) => {
    refused = error.code;
  });
  assert.is(refused, 'E_USAGE');
});

test('a line without end is refused and not kept', async () => {
  const { err, lines } = await run(['-'], [...Array<string>(100).fill('x'.repeat(10_000)), '\n1767571200,1\n']);
  assert.is(err.length, 1);
  assert.match(err[0] ?? '', /E_CSV_LINE: -:1:/);
  assert.is(lines().length, 1);
});

test('any text gives rows or coded errors', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.string({ maxLength: 60 }), fc.constant('\n'), fc.constant('1767571200,5'))),
      async (chunks) => {
        async function* source() {
          yield* chunks;
        }
        for await (const row of readCsv('x', source())) {
          if (row instanceof CsvError) assert.match(row.code, /^E_CSV_/);
          else assert.ok(Number.isFinite(row.ts) && (row.value === null || Number.isFinite(row.value)));
        }
      },
    ),
  );
});

test.run();
