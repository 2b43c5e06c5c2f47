/**
 * What an agent with `--sudo` does with an order, as an ordinary user: a process of its own, since it gives root up.
 *   node sudo-order.js UID PROGRAM...      each PROGRAM a JSON list of words; prints a JSON list of steps, with and without sudo
 */
import { chownSync } from 'node:fs';
import type { StepReport } from '../../agent/execute.ts';
import { loadJudge } from '../../policy/load-judge.ts';
import { BOOT, programOf, TestSite } from '../agent/order-fixtures.ts';

const [uid = '', ...programs] = process.argv.slice(2);
// Everything is loaded as root, since a checkout may lie where nobody else may read.
const judge = loadJudge();
const site = new TestSite();
chownSync(site.folder, Number(uid), Number(uid));
for (const name of ['journal.jsonl', 'trust.json']) chownSync(site.file(name), Number(uid), Number(uid));
process.setgroups?.([]);
process.setgid?.(Number(uid));
process.setuid?.(Number(uid));

const ruling = {
  reviewForbidden: false,
  judge: (...asked: Parameters<typeof judge.judge>) => judge.judge(...asked),
  needsRoot: (argv: readonly string[]) => judge.needsRoot(argv),
};

async function ask(words: string, sudo: boolean): Promise<StepReport[]> {
  const argv: string[] = JSON.parse(words);
  const plan = [{ phase: 'step' as const, number: 1, program: programOf(argv) }];
  const approval = site.approval(plan, { policy_hash: judge.hash, reviewed: [1] });
  const reports: StepReport[] = [];
  const executor = site.executor({ boot: BOOT, sudo, judge: ruling });
  await executor.run(site.order(approval, plan), (report) => reports.push(report));
  return reports;
}

const answers = [];
for (const words of programs) answers.push({ sudo: await ask(words, true), without: await ask(words, false) });
process.stdout.write(JSON.stringify(answers));
