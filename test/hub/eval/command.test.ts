import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT } from '../../../broker/command-line.ts';
import { evalCommand } from '../../../hub/commands/eval.ts';
import { replayCommand } from '../../../hub/commands/replay.ts';
import { readBefore } from '../../../hub/eval/before.ts';

const SCENARIOS = fileURLToPath(new URL('../../../../fixtures/scenarios/tuned-host.yaml', import.meta.url));

const test = suite<{ folder: string }>('sentinel eval');
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-test-eval-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

/** Runs the command into `folder`; `onLine` sees each answer as it is printed. */
async function evaluated(folder: string, onLine: (stop: AbortController) => void = () => {}) {
  const stop = new AbortController();
  const said: string[] = [];
  const answers: string[] = [];
  const io = {
    stdout: (line: string) => {
      answers.push(line);
      onLine(stop);
    },
    stderr: (line: string) => void said.push(line),
    stdin: Readable.from([]),
    signal: stop.signal,
  };
  const report = join(folder, 'report');
  const argv = ['--scenarios', SCENARIOS, '--model', 'none', '--report', report, '--state', join(folder, 'state')];
  return { exit: await evalCommand(argv, io), said: said.join('\n'), answers, report };
}

test('a run that is stopped half-way writes no report and does not count as passed', async ({ folder }) => {
  const { exit, said, answers, report } = await evaluated(folder, (stop) => stop.abort());
  assert.is(exit, EXIT.no);
  assert.ok(answers.length > 0 && answers.length < 17, String(answers.length));
  assert.match(said, /stopped: \d+ of 17 scenarios were answered, and no report is written/);
  assert.not.ok(existsSync(report));
});

test('a whole run leaves its four files and no draft, and compares with a report of ours alone', async ({ folder }) => {
  const first = await evaluated(folder);
  assert.is(first.exit, EXIT.done, first.said);
  assert.equal(readdirSync(first.report).sort(), ['decisions.jsonl', 'report.html', 'report.json', 'report.md']);
  const file = join(first.report, 'report.json');
  const whole = readFileSync(file, 'utf8');
  const parts = JSON.parse(whole) as { all: object };
  for (const foreign of [
    '{',
    'null',
    '{"version":1,"cases":[],"all":{"average":4}}',
    JSON.stringify({ ...parts, all: { ...parts.all, dimensions: { mttr: '<b>' } } }),
    JSON.stringify({ ...parts, cases: [{ id: 7 }] }),
  ]) {
    writeFileSync(file, foreign);
    assert.is(readBefore(file), null, foreign.slice(0, 80));
  }
  const again = await evaluated(folder);
  assert.is(again.exit, EXIT.done, again.said);
  assert.match(again.said, /is no report of ours: nothing to compare with/);
  const ours = await evaluated(folder);
  assert.not.match(ours.said, /no report of ours/);
  assert.match(ours.said, /\(last run \d/);
});

test('decisions that somebody changed cost their own answers, and move no cursor', async ({ folder }) => {
  const { report } = await evaluated(folder);
  const file = join(report, 'decisions.jsonl');
  const [first = ''] = readFileSync(file, 'utf8').split('\n');
  const { record } = JSON.parse(first) as { record: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
  const changed = [
    { ...record, diagnoses: [null] },
    { ...record, diagnoses: [{ by: 'x' }] },
    { ...record, plan: {} },
    { ...record, plan: { ...record['plan'], id: 7 } },
    { ...record, plan: { ...record['plan'], class: '\u001b[2J', playbook: '\u001b[2J' } },
    { ...record, evidence: {} },
    { ...record, draft: {} },
    { ...record, vetted: null },
    { ...record, decided: 7 },
    record,
  ];
  writeFileSync(file, changed.map((one, i) => `${JSON.stringify({ id: `r${i}`, record: one })}\n`).join(''));
  for (const way of [[], ['--json'], ['--with', 'none'], ['--with', 'none', '--json']]) {
    const { exit, lines } = await replayed(report, ...way);
    assert.is(exit, EXIT.no, way.join(' '));
    for (const i of changed.keys())
      assert.ok(
        lines.some((line) => line.includes(`r${i}`)),
        `${way.join(' ')} ${i}`,
      );
    assert.not(lines.some((line) => line.includes('\u001b')));
  }
  writeFileSync(file, `${first}\n{"id":"r1","record":`);
  await refused(report, 2);
  const long = { ...(JSON.parse(first) as object), pad: 'x'.repeat(17 * 1_048_576) };
  writeFileSync(file, `${first}\n${JSON.stringify(long)}\n`);
  await refused(report, 2);
});

async function replayed(report: string, ...way: readonly string[]) {
  const lines: string[] = [];
  const io = {
    stdout: (line: string) => void lines.push(line),
    stderr: () => {},
    stdin: Readable.from([]),
    signal: new AbortController().signal,
  };
  const exit = await replayCommand(['--eval', report, ...way, '--state', join(report, 'state')], io);
  return { exit, lines };
}

async function refused(report: string, line: number): Promise<void> {
  try {
    await replayed(report);
    assert.unreachable(`line ${line}`);
  } catch (error) {
    assert.is(error instanceof Error && 'code' in error ? error.code : error, 'E_REPLAY_RECORD');
    assert.match(error instanceof Error ? error.message : '', `line ${line}:`);
  }
}

test.run();
