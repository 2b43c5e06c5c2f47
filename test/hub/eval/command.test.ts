import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT } from '../../../broker/command-line.ts';
import { evalCommand } from '../../../hub/commands/eval.ts';
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

test.run();
