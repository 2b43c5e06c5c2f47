import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { memoryIncident } from '../../fixtures/model/incident.ts';
import { randomLlama } from '../../fixtures/model/random-llama.ts';
import { type EvalParts, runScenario } from '../../hub/eval/run.ts';
import { readScenarios } from '../../hub/eval/scenario.ts';
import type { Incident } from '../../hub/incident.ts';
import { openLlamaReasoner } from '../../hub/reason/llama.ts';
import type { Diagnosis, Reasoner } from '../../hub/reason/reasoner.ts';
import { RulesReasoner } from '../../hub/reason/rules.ts';
import { UNCALIBRATED_CAP } from '../../hub/reason/validate.ts';
import { getIncident } from '../../hub/store/incidents.ts';
import { loadPolicy } from '../../policy/policy.ts';
import { birth } from '../broker/samples.ts';
import { testAgent, until } from '../broker/site.ts';
import { builtIn, eventOf } from '../hub/evidence-fixtures.ts';
import { openSmallHub } from '../hub/small-hub.ts';

/** Models that say nonsense, hang, die or are taken away: what comes of an incident is what the rules make of it. */
const PATIENCE_MS = 600_000;
const folder = mkdtempSync(join(tmpdir(), 'sentinel-misbehaving-'));
const playbooks = new Map(builtIn.playbooks.map((one) => [one.id, one]));
const rules = () => new RulesReasoner({ playbooks: builtIn.playbooks, tried: () => [] });
const open = (file: string, deadlineMs = PATIENCE_MS) =>
  openLlamaReasoner({ file, playbooks, maxThreads: 1, deadlineMs, log: () => {} });

/** Valid JSON under the grammar, and nonsense: weights of chance. */
const nonsense = join(folder, 'nonsense.gguf');
randomLlama(nonsense, { width: 32, layers: 1, feedForward: 64 });

const as = (name: string, diagnose: Reasoner['diagnose']): Reasoner => ({ name, diagnose, close: async () => {} });

/** Well-formed, sure of itself, cites what is there, and wrong. */
const liar = as('liar', async (evidence): Promise<Diagnosis> => {
  const unit = evidence.entities.find(({ kind }) => kind === 'unit')?.value ?? 'cron.service';
  return {
    by: 'liar',
    class: 'clock-drift',
    root_cause: 'The moon is in the wrong house.',
    chain: [{ claim: 'the moon', evidence: [evidence.items[0]?.id ?? 'e1'] }],
    confidence: 1,
    alternatives: [],
    needs_human: false,
    playbook: null,
    commands: [{ command: `systemctl restart ${unit}`, explanation: 'it may help', rollback: null }],
    ms: 1,
    trace: null,
  };
});

/** Never settles, and hears no signal. */
const hung = as('hung', () => new Promise(() => {}));
const dead = as('dead', () => Promise.reject(new Error('the worker exited with SIGKILL')));
const garbage = as('garbage', async () => JSON.parse('{"class":"rm -rf /","commands":"all","confidence":"yes"}'));

const plan = (incident: Incident) => {
  const { playbook, root_cause, pre = [], steps = [], post = [], decision, needs_human } = incident.plan ?? {};
  const commands = [...pre, ...steps, ...post].map(({ command, verdict }) => `${verdict.decision} ${command}`);
  return { state: incident.state, playbook, root_cause, commands, decision, needs_human };
};

/** What a hub with these reasoners makes of the events, in their order. */
async function incidentsWith(reasoners: readonly Reasoner[]): Promise<readonly Incident[]> {
  const small = await openSmallHub([testAgent('web-1')], { playbooks, reasoners });
  const { hub, intake } = small;
  try {
    await hub.store.write(() => void hub.store.births.put('web-1', { ...birth, agent: 'web-1' }));
    const made: Incident[] = [];
    for (const signal of ['group.memory', 'disk.inodes', 'net.errors']) {
      await intake.take(eventOf(signal, { agent: 'web-1' }));
      const id = [...hub.store.incidents.getKeys()].at(-1) ?? '';
      const now = () => getIncident(hub.store, id);
      await until(`${signal} has a plan`, () => now()?.route !== undefined || now()?.state === 'escalated');
      const kept = now();
      if (kept !== undefined) made.push(kept);
    }
    return made;
  } finally {
    await small.close();
  }
}

const pipeline = suite('an incident beside a model that misbehaves');

pipeline('is what the rules make of it', async () => {
  const alone = await incidentsWith([rules()]);
  assert.is(alone.length, 3);
  for (const model of [await open(nonsense), liar, dead, garbage]) {
    const beside = await incidentsWith([model, rules()]);
    assert.equal(beside.map(plan), alone.map(plan), model.name);
    beside.forEach((one, i) => {
      // Who picks the same playbook by chance agrees, and that is never worth more than an unmeasured figure.
      const most = Math.max(alone[i]?.plan?.confidence ?? 0, UNCALIBRATED_CAP);
      assert.ok((one.plan?.confidence ?? 1) <= most, model.name);
    });
    await model.close();
  }
});

pipeline('is not held by one that hangs past its deadline, or was closed', async () => {
  const alone = await incidentsWith([rules()]);
  // No model reads a prompt of thousands of tokens within a millisecond.
  const slow = await open(nonsense, 1);
  const closed = await open(nonsense);
  await closed.close();
  for (const model of [slow, closed]) {
    const beside = await incidentsWith([model, rules()]);
    assert.equal(beside.map(plan), alone.map(plan));
    for (const { decided } of beside)
      assert.match(decided?.silent.join() ?? '', /^nonsense gave no answer: E_MODEL_TIMEOUT/);
  }
  await slow.close();
});

pipeline('keeps its model’s words when the file is written over or cut short under it', async () => {
  const file = join(folder, 'kept.gguf');
  randomLlama(file, { width: 32, layers: 1, feedForward: 64 });
  const model = await open(file);
  const ask = async () => (await model.diagnose(memoryIncident(), new AbortController().signal)).trace?.output;
  const before = await ask();
  writeFileSync(file, Buffer.alloc(200_000, 7));
  assert.is(await ask(), before);
  truncateSync(file, 0);
  assert.is(await ask(), before);
  await model.close();
});

pipeline.after(() => rmSync(folder, { recursive: true, force: true }));

const evaluation = suite('a scenario beside a model that misbehaves');

const scenarioFolder = fileURLToPath(new URL('../../../fixtures/scenarios/', import.meta.url));
const scenarios = readdirSync(scenarioFolder).flatMap((name) => readScenarios(`${scenarioFolder}${name}`));

evaluation('has the rules’ own answer, and a hang ends with the deadline', async () => {
  const parts: EvalParts = { policy: await loadPolicy(), playbooks, reasoners: [rules()], deadlineMs: PATIENCE_MS };
  let known = 0;
  for (const { situation } of scenarios.filter((_, i) => i % 5 === 0)) {
    const alone = await runScenario(situation, parts);
    const said = alone.diagnosis.class !== 'unknown';
    if (said) known++;
    for (const model of [liar, dead, garbage]) {
      const beside = await runScenario(situation, { ...parts, reasoners: [model, rules()] });
      const why = `${situation.id}, ${model.name}`;
      // Where the rules know no cause, a model's may stand, for a person to look at.
      if (model === liar && !said) continue;
      assert.ok(beside.line.confidence <= alone.line.confidence, why);
      const { root_cause, commands, needs_human } = beside.line;
      assert.equal(
        [root_cause, commands, needs_human],
        [alone.line.root_cause, alone.line.commands, alone.line.needs_human],
        why,
      );
    }
  }
  assert.ok(known > 5);
  const [first] = scenarios;
  assert.ok(first);
  // The signal's own timer does not keep a process that has nothing else to do.
  const awake = setInterval(() => {}, 1_000);
  const alone = await runScenario(first.situation, parts);
  const beside = await runScenario(first.situation, { ...parts, reasoners: [hung, rules()], deadlineMs: 1_000 });
  clearInterval(awake);
  assert.is(beside.line.root_cause, alone.line.root_cause);
  assert.match(beside.notes.join(), /^hung gave no answer: E_MODEL_TIMEOUT/);
});

pipeline.run();
evaluation.run();
