import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Console, EXIT, UsageError } from '../../broker/command-line.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import { loadPolicy } from '../../policy/policy.ts';
import type { EvalParts } from '../eval/run.ts';
import { readScenarios } from '../eval/scenario.ts';
import { type BenchRow, benchModel, benchTable } from '../models/bench.ts';
import { chosenModel } from '../models/choice.ts';
import { threadsFor } from '../models/threads.ts';
import { sitePlaybooks } from '../playbook/playbook.ts';
import { openLlamaReasoner } from '../reason/llama.ts';
import { RulesReasoner } from '../reason/rules.ts';

/** What a checkout has; an installed hub is told which file. */
const SCENARIOS = fileURLToPath(new URL('../../../fixtures/scenarios/held-out.yaml', import.meta.url));
/** Nobody waits for it, and a slow model is to be measured, not cut. */
const ANSWER_MS = 10 * 60_000;

/** Holds models beside each other on this machine: speed, room, and what the hub answers with each beside the rules. */
export async function benchModels(
  state: StateFolder,
  named: readonly string[],
  { scenarios = SCENARIOS, json }: { readonly scenarios: string | undefined; readonly json: boolean },
  io: Console,
): Promise<number> {
  if (!existsSync(scenarios)) throw new UsageError(`${scenarios} is not there: name a file with --scenarios`);
  const asked = readScenarios(scenarios);
  const policy = await loadPolicy(existsSync(state.policy) ? { siteDir: state.policy } : {});
  const { playbooks } = sitePlaybooks(state.playbooks, policy);
  const byId = new Map(playbooks.map((one) => [one.id, one]));
  const rules = new RulesReasoner({ playbooks, tried: () => [] });
  const parts: EvalParts = { policy, playbooks: byId, reasoners: [rules], deadlineMs: ANSWER_MS };
  const rows: BenchRow[] = [];
  let good = true;
  for (const name of named) {
    if (io.signal.aborted) return EXIT.no;
    try {
      const row = await benchModel(() => opened(state, name, byId, io), asked, parts, io.signal);
      rows.push(row);
      if (json) io.stdout(JSON.stringify(row));
    } catch (error) {
      // One that does not load is no reason not to measure the others.
      if (!(error instanceof Error) || !('code' in error)) throw error;
      good = false;
      io.stderr(`${name}: ${String(error.code)}: ${error.message}`);
    }
  }
  if (!json) for (const line of benchTable(rows)) io.stdout(line);
  return good ? EXIT.done : EXIT.no;
}

async function opened({ models }: StateFolder, name: string, playbooks: EvalParts['playbooks'], io: Console) {
  const chosen = await chosenModel(name, models);
  if (chosen === null) throw new UsageError(`${name} is no model to load`);
  const maxThreads = threadsFor(statSync(chosen.file, { throwIfNoEntry: false })?.size ?? 0);
  return openLlamaReasoner({ ...chosen, playbooks, maxThreads, deadlineMs: ANSWER_MS, log: io.stderr });
}
