import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Ending, Journal, JournalError, type StepId } from '../../agent/journal.ts';

const test = suite<{ folder: string; file: string }>('journal');
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-journal-'));
  context.file = join(context.folder, 'journal.jsonl');
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const step = (number: number): StepId => ({ approval: '01J9ZZZZZZZZZZZZZZZZZZZZZA', phase: 'step', number });
const ending: Ending = {
  state: 'done',
  exit: 0,
  started: 1,
  ended: 2,
  stdout: 'zwölf 😀\n',
  stderr: '',
  truncated: false,
};
const reopened = (file: string): Journal => new Journal(file);

test('what began and what ended is known now and after a restart', ({ file }) => {
  const journal = new Journal(file);
  journal.begin(step(1), 1);
  journal.end(step(1), ending);
  journal.begin(step(2), 3);
  for (const one of [journal, reopened(file)]) {
    assert.equal(one.known(step(1)), { state: 'ended', ending });
    assert.equal(one.known(step(2)), { state: 'begun' });
    assert.equal(one.known(step(3)), { state: 'fresh' });
    assert.equal(one.known({ ...step(1), phase: 'rollback' }), { state: 'fresh' });
  }
});

test('a half-written last line is cut off, wherever the power failed; what follows is kept', ({ file }) => {
  const journal = new Journal(file);
  journal.begin(step(1), 1);
  journal.end(step(1), ending);
  journal.close();
  const whole = readFileSync(file);
  const full = new Journal(file);
  full.begin(step(2), 1);
  full.close();
  const added = readFileSync(file).subarray(whole.length);
  for (let kept = 0; kept < added.length; kept += 5) {
    writeFileSync(file, Buffer.concat([whole, added.subarray(0, kept)]));
    const again = new Journal(file);
    assert.equal(again.known(step(1)), { state: 'ended', ending });
    assert.equal(again.known(step(2)), { state: 'fresh' });
    again.begin(step(3), 1);
    again.close();
    assert.equal(reopened(file).known(step(3)), { state: 'begun' });
  }
});

test('a cut in the middle of a character’s bytes takes off nothing else', ({ file }) => {
  const journal = new Journal(file);
  journal.begin(step(1), 1);
  journal.close();
  const whole = readFileSync(file, 'utf8');
  appendFileSync(file, Buffer.from('{"step":"😀').subarray(0, -2));
  new Journal(file).close();
  assert.is(readFileSync(file, 'utf8'), whole);
});

test('a line that can’t be read in the middle is an error, not a step forgotten', ({ file }) => {
  const journal = new Journal(file);
  journal.begin(step(1), 1);
  journal.close();
  writeFileSync(file, `\0\0\0\n${readFileSync(file, 'utf8')}`);
  assert.throws(
    () => new Journal(file),
    (error: unknown) => error instanceof JournalError && error.code === 'E_JOURNAL' && /line 1/.test(error.message),
  );
});

/**
 * Runs an order in a process whose files may not grow past `limit` bytes: to the journal that is a disk which takes a
 * part of a line and then no more. SIGXFSZ is ignored by Node, so writes fail as on a full disk.
 */
function runLimited(folder: string, limit: number): { readonly reports: unknown; readonly known: string } {
  const url = (name: string) => JSON.stringify(new URL(`../../${name}.js`, import.meta.url).href);
  const script = `
    const { TestSite, programOf, inShort } = await import(${url('test/agent/order-fixtures')});
    const { Journal } = await import(${url('agent/journal')});
    const site = new TestSite();
    const journal = new Journal(process.argv[1]);
    const plan = [{ phase: 'step', number: 1, program: programOf(['touch', process.argv[2]]) }];
    const order = site.order(site.approval(plan), plan);
    const reports = await site.run(order, { journal });
    const again = await site.run(order, { journal });
    site.close();
    console.log(JSON.stringify({ reports: inShort(reports), again: inShort(again) }));`;
  const run = spawnSync(
    'prlimit',
    [
      `--fsize=${limit}`,
      process.execPath,
      '--input-type=module',
      '-e',
      script,
      join(folder, 'j'),
      join(folder, 'made'),
    ],
    { encoding: 'utf8' },
  );
  assert.is(run.status, 0, run.stderr);
  return JSON.parse(run.stdout);
}

test('a disk that takes no line, or half of one, refuses the step and spawns nothing', ({ folder }) => {
  const file = join(folder, 'j');
  // The site's trust file needs some 200 bytes of its own; the journal is filled up to what is left of the limit.
  for (const room of [0, 1, 20, 60]) {
    writeFileSync(file, '');
    const journal = new Journal(file);
    while (readFileSync(file).length < 4_096) journal.begin(step(readFileSync(file).length), 1);
    journal.close();
    const before = readFileSync(file, 'utf8');
    const answer = runLimited(folder, before.length + room);
    assert.equal(answer, { reports: ['step 1 refused E_JOURNAL'], again: ['step 1 refused E_JOURNAL'] });
    assert.not(existsSync(join(folder, 'made')));
    assert.is(readFileSync(file, 'utf8'), before);
  }
});

test('a disk that takes the beginning but not the end: it ran, is reported, and is never run again', ({ folder }) => {
  const file = join(folder, 'j');
  writeFileSync(file, '');
  const journal = new Journal(file);
  while (readFileSync(file).length < 4_096) journal.begin(step(readFileSync(file).length), 1);
  journal.close();
  const answer = runLimited(folder, readFileSync(file).length + 180);
  assert.equal(answer, { reports: ['step 1 done'], again: ['step 1 done'] });
  assert.ok(existsSync(join(folder, 'made')));
  const last = readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? '';
  const { step: name } = JSON.parse(last) as { step: string };
  const approval = name.slice(0, 26);
  assert.equal(new Journal(file).known({ approval, phase: 'step', number: 1 }), { state: 'begun' });
});

test.run();
