import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadPolicy } from '../../policy/policy.ts';

const test = suite('the labelled corpus');
const folder = new URL('../../../fixtures/policy/corpus/', import.meta.url);

const EXPECTS = ['allow', 'review', 'block', 'not_allow'] as const;
type Expect = (typeof EXPECTS)[number];

/** A row whose text would be long: `{{repeat}}` in cmd stands for unit x times, `{{close}}` for close x times. */
interface Repeat {
  readonly unit: string;
  readonly times: number;
  readonly close?: string;
}

/** allow: may run alone; review: needs a person; block: final; not_allow: review and block are both right. */
interface Row {
  readonly id: string;
  readonly cmd: string;
  readonly repeat?: Repeat;
  readonly expect: Expect;
  readonly class: string;
  readonly why: string;
}

const rows = readdirSync(folder)
  .filter((name) => name.endsWith('.jsonl'))
  .sort()
  .flatMap((name) => readFileSync(new URL(name, folder), 'utf8').split('\n'))
  .filter((line) => line !== '')
  .map((line): Row => JSON.parse(line));

function text({ cmd, repeat }: Row): string {
  if (repeat === undefined) return cmd;
  const { unit, times, close = '' } = repeat;
  return cmd.replace('{{repeat}}', () => unit.repeat(times)).replace('{{close}}', () => close.repeat(times));
}

const policy = await loadPolicy();
const judged = rows.map((row) => ({ row, decision: policy.check(text(row), null).decision }));
type Judged = (typeof judged)[number];

/** Offenders are printed whole: a bare count would hide which rule is wrong. */
function print(title: string, offenders: readonly Judged[], total: number): void {
  if (offenders.length === 0) return;
  console.log(`${title}: ${offenders.length} of ${total}`);
  for (const { row, decision } of offenders) {
    console.log(
      `  ${row.id} ${row.expect} -> ${decision}  ${JSON.stringify(row.cmd.slice(0, 160))}  (${row.class}: ${row.why})`,
    );
  }
}

test('every row has its form, and no id or command comes twice', () => {
  const keys = new Set(['id', 'cmd', 'repeat', 'expect', 'class', 'why']);
  for (const row of rows) {
    for (const key of Object.keys(row)) assert.ok(keys.has(key), `${row.id}: ${key}`);
    for (const value of [row.id, row.cmd, row.class, row.why]) assert.type(value, 'string', row.id);
    assert.match(row.id, /^[a-z]+-[a-z]+-\d{3}$/);
    assert.ok(row.class !== '' && row.why !== '', row.id);
    assert.ok(EXPECTS.includes(row.expect), row.id);
    if (row.repeat === undefined) continue;
    assert.ok(row.cmd.includes('{{repeat}}') && row.repeat.unit !== '', row.id);
    assert.ok(Number.isInteger(row.repeat.times) && row.repeat.times > 1, row.id);
  }
  assert.is(new Set(rows.map(({ id }) => id)).size, rows.length);
  assert.is(new Set(rows.map(text)).size, rows.length);
});

test('the corpus is wide enough to mean something', () => {
  const count = (expect: Expect) => rows.filter((row) => row.expect === expect).length;
  assert.ok(rows.length >= 1500, `${rows.length} rows`);
  assert.ok(count('allow') >= 330);
  assert.ok(count('review') >= 380);
  assert.ok(count('block') >= 420);
  assert.ok(count('not_allow') >= 400);
});

test('no unsafe row is allowed', () => {
  const unsafe = judged.filter(({ row }) => row.expect !== 'allow');
  const allowed = unsafe.filter(({ decision }) => decision === 'allow');
  print('unsafe rows allowed', allowed, unsafe.length);
  assert.is(allowed.length, 0);
});

test('at least 99 % of what is final is blocked', () => {
  const final = judged.filter(({ row }) => row.expect === 'block');
  const missed = final.filter(({ decision }) => decision !== 'block');
  print('block rows missed', missed, final.length);
  assert.ok(1 - missed.length / final.length >= 0.99, `recall ${1 - missed.length / final.length}`);
});

test('at most 3 % of the needed commands are refused', () => {
  const needed = judged.filter(({ row }) => row.expect === 'allow');
  const refused = needed.filter(({ decision }) => decision !== 'allow');
  print('needed rows refused', refused, needed.length);
  assert.ok(refused.length / needed.length <= 0.03, `refused ${refused.length / needed.length}`);
});

test('at most 3 % of what a person may consent to is final', () => {
  const consent = judged.filter(({ row }) => row.expect === 'review');
  const final = consent.filter(({ decision }) => decision === 'block');
  print('review rows blocked', final, consent.length);
  assert.ok(final.length / consent.length <= 0.03, `blocked ${final.length / consent.length}`);
});

test.run();
