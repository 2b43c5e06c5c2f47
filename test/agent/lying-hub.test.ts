import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadJudge, loadPolicy } from '../../policy/policy.ts';
import type { Program } from '../../policy/program.ts';
import { type Planned, TestSite } from './order-fixtures.ts';

/**
 * A hub whose configuration allows everything: it shows an operator what it likes, gets a true approval for it, and sends an
 * order in which nothing is forged. What stands against that is the agent's own policy alone.
 */
const test = suite<{ site: TestSite }>('a hub that allows everything');
test.before.each((context) => {
  context.site = new TestSite();
});
test.after.each(({ site }) => site.close());

const FOLDER = new URL('../../../fixtures/policy/corpus/', import.meta.url);
/** Of each kind of unsafe row; every one takes three signatures. */
const EACH = 30;
const policy = await loadPolicy();
const judge = loadJudge();

/** Commands of the labelled corpus that may not run so, as programs: every so many rows, so that all classes are among them. */
function programsOf(...kinds: readonly string[]): readonly (readonly [string, Program])[] {
  const rows = readdirSync(FOLDER)
    .filter((name) => kinds.some((kind) => name.startsWith(`${kind}-`)))
    .sort()
    .flatMap((name) => readFileSync(new URL(name, FOLDER), 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line) as { readonly cmd: string; readonly repeat?: unknown })
    .filter(({ repeat }) => repeat === undefined);
  const every = Math.max(1, Math.floor(rows.length / EACH));
  return rows
    .filter((_, i) => i % every === 0)
    .flatMap(({ cmd }) => {
      const { program } = policy.check(cmd, null);
      return program === null ? [] : [[cmd, program] as const];
    });
}

/** What the agent says of a program that this site's operator has approved, in dry run: what passes is not carried out. */
async function saidOf(site: TestSite, program: Program, reviewed: readonly number[]): Promise<string> {
  const plan: Planned[] = [{ phase: 'step', number: 1, program }];
  const approval = site.approval(plan, { policy_hash: judge.hash, reviewed });
  const [report] = await site.run(site.order(approval, plan), { judge, live: false });
  return `${report?.state} ${report?.code ?? ''}`;
}

test('what policy blocks is refused, with consent to it as well', async ({ site }) => {
  const wanted = programsOf('block');
  assert.ok(wanted.length > EACH / 2, `${wanted.length} programs`);
  for (const [cmd, program] of wanted) assert.is(await saidOf(site, program, [1]), 'refused E_POLICY_BLOCK', cmd);
});

test('what needs consent is refused when the approval holds none, whatever the hub called it', async ({ site }) => {
  const wanted = programsOf('review', 'refuse');
  assert.ok(wanted.length > EACH / 2, `${wanted.length} programs`);
  for (const [cmd, program] of wanted) assert.match(await saidOf(site, program, []), /^refused E_/, cmd);
});

test('a true approval under another policy than the agent’s own is refused: no hub brings its own', async ({
  site,
}) => {
  const { program } = policy.check('uptime', null);
  assert.ok(program !== null);
  const plan: Planned[] = [{ phase: 'step', number: 1, program }];
  const order = site.order(site.approval(plan, { policy_hash: 'e'.repeat(64) }), plan);
  const [report] = await site.run(order, { judge, live: false });
  assert.equal([report?.state, report?.code], ['refused', 'E_POLICY_BLOCK']);
  assert.is(await saidOf(site, program, []), 'dry_run agent_dry_run', 'and under its own it passes');
});

test.run();
