import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hostileIncident, memoryIncident } from '../../fixtures/model/incident.ts';
import { randomLlama } from '../../fixtures/model/random-llama.ts';
import { askHost } from '../../hub/ask-host.ts';
import type { Incident } from '../../hub/incident.ts';
import { openModelReasoner } from '../../hub/reason/open-model-reasoner.ts';
import { type Diagnosis, ReasonError, type RepeatingReasoner, type Trace } from '../../hub/reason/reasoner.ts';
import { RulesReasoner } from '../../hub/reason/rules.ts';
import { STAGED_LIMITS } from '../../hub/reason/staged/orchestrator.ts';
import { type AskProbe, questionsOf } from '../../hub/reason/staged/questions.ts';
import { triage } from '../../hub/reason/staged/triage.ts';
import { validateDiagnosis } from '../../hub/reason/validate.ts';
import { RecordedModels } from '../../hub/replay/find-model.ts';
import { type DecisionRecord, recordsOf } from '../../hub/replay/record.ts';
import { replayDecision } from '../../hub/replay/replay.ts';
import { getIncident } from '../../hub/store/incidents.ts';
import { loadPolicy } from '../../policy/policy.ts';
import { birth } from '../broker/samples.ts';
import { testAgent, until } from '../broker/site.ts';
import { builtIn, eventOf } from '../hub/evidence-fixtures.ts';
import { openSmallHub, type SmallHub } from '../hub/small-hub.ts';
import { answering } from '../hub/staged/writers.ts';

/** A real llama.cpp model of random weights that thinks in stages: what holds whatever a model says. */
const PATIENCE_MS = 600_000;
const folder = mkdtempSync(join(tmpdir(), 'sentinel-staged-'));
const playbooks = new Map(builtIn.playbooks.map((one) => [one.id, one]));
const never = () => new AbortController().signal;

function fileOf(seed: number): string {
  const file = join(folder, `random-${seed}.gguf`);
  randomLlama(file, { seed, width: 32, layers: 1, feedForward: 64 });
  return file;
}

const open = (
  file: string,
  { ask = answering, deadlineMs = PATIENCE_MS }: { ask?: AskProbe | null; deadlineMs?: number } = {},
): Promise<RepeatingReasoner> =>
  openModelReasoner({ file, way: 'staged', ask, playbooks, maxThreads: 1, deadlineMs, log: () => {} });

const test = suite('a model that thinks in stages');

test('answers under its stages’ grammars, whatever its weights and whatever the evidence says', async () => {
  let probes = 0;
  let most = 0;
  for (const seed of [2, 7]) {
    const reasoner = await open(fileOf(seed));
    for (const evidence of [memoryIncident(), hostileIncident()]) {
      const said = await reasoner.diagnose(evidence, never());
      const checked = validateDiagnosis(said, evidence);
      assert.ok('diagnosis' in checked, JSON.stringify(checked));
      assert.equal(checked.diagnosis.trace, said.trace);
      const { calls = [], probes: asked = [] } = said.trace ?? {};
      assert.ok(calls.length >= 4 && calls.length <= STAGED_LIMITS.calls, `${calls.length} calls`);
      assert.equal(
        calls.filter(({ failed }) => failed !== undefined).map(({ failed }) => failed),
        [],
      );
      assert.ok(asked.length <= STAGED_LIMITS.probes);
      probes += asked.length;
      most = Math.max(most, calls.length);
    }
    await reasoner.close();
  }
  assert.ok(probes > 0, 'or no question was ever chosen');
  assert.is(most, STAGED_LIMITS.calls, 'one of them never stops asking');
});

test('is the same twice, in this process and with another past', async () => {
  const file = fileOf(3);
  const reasoner = await open(file);
  const first = await reasoner.diagnose(memoryIncident(), never());
  await reasoner.diagnose(hostileIncident(), never());
  assert.equal(untimed(await reasoner.diagnose(memoryIncident(), never())), untimed(first));
  await reasoner.close();
  const again = await open(file);
  assert.equal(untimed(await again.diagnose(memoryIncident(), never())), untimed(first));
  await again.close();
});

test('ends with its deadline and with an abort, and answers the next time', async () => {
  const file = fileOf(3);
  const timedOut = (error: unknown) => error instanceof ReasonError && error.code === 'E_MODEL_TIMEOUT';
  const hurried = await open(file, { deadlineMs: 1 });
  const late = await hurried.diagnose(memoryIncident(), never()).catch((error: unknown) => error);
  assert.ok(timedOut(late) || isEmpty(late), String(late));
  await hurried.close();
  const reasoner = await open(file);
  const expected = await reasoner.diagnose(memoryIncident(), never());
  for (const stage of ['triage', 'logs', 'remediation']) {
    const abort = new AbortController();
    const watcher = { stage: (name: string) => name === stage && abort.abort(), wrote: () => {} };
    const error = await reasoner
      .diagnose(memoryIncident(), abort.signal, { ...watcher, stage: (name) => void watcher.stage(name) })
      .catch((reason: unknown) => reason);
    assert.ok(timedOut(error), `${stage}: ${String(error)}`);
  }
  assert.equal(untimed(await reasoner.diagnose(memoryIncident(), never())), untimed(expected));
  await reasoner.close();
});

/** Every stage ran out of its share before the whole was over: no answer either. */
const isEmpty = (error: unknown) => error instanceof ReasonError && error.code === 'E_MODEL_OUTPUT';
const untimed = (diagnosis: Diagnosis): Diagnosis => ({ ...diagnosis, ms: 0 });

const replay = suite('a decision that was thought about in stages');
let small: SmallHub;
let incident: Incident;
let known: RecordedModels;

replay.before(async () => {
  const ask: AskProbe = (id, question, by) => askHost(small.hub, small.driver)(id, question, by);
  const model = await open(fileOf(2), { ask });
  const rules = new RulesReasoner({ playbooks: builtIn.playbooks, tried: () => [] });
  small = await openSmallHub([testAgent('web-1')], { playbooks, reasoners: [model, rules] });
  const { hub, intake } = small;
  await hub.store.write(() => void hub.store.births.put('web-1', { ...birth, agent: 'web-1' }));
  await intake.take(eventOf('group.memory', { agent: 'web-1' }));
  const [id = ''] = [...hub.store.incidents.getKeys()];
  await until('it is on its way', () => getIncident(hub.store, id)?.route !== undefined);
  const kept = getIncident(hub.store, id);
  assert.ok(kept !== undefined);
  incident = kept;
  await model.close();
  known = new RecordedModels({ folder, playbooks, deadlineMs: PATIENCE_MS, log: () => {} });
});

replay.after(async () => {
  await known.close();
  await small.close();
  rmSync(folder, { recursive: true, force: true });
});

const parts = async () => {
  const modelOf = (trace: Trace) => known.of(trace);
  return { policy: await loadPolicy(), playbooks, modelOf, deadlineMs: PATIENCE_MS };
};

function only(): DecisionRecord {
  const [record] = recordsOf(incident);
  if (record === undefined) throw new Error('nothing was recorded');
  return record;
}

/** The record with another trace of the model. */
function withTrace(change: (trace: Trace) => Trace): DecisionRecord {
  const record = only();
  const diagnoses = record.diagnoses.map((one) => (one.trace === null ? one : { ...one, trace: change(one.trace) }));
  return { ...record, diagnoses };
}

replay('comes out byte for byte, with every call and every answer of the host', async () => {
  const trace = only().diagnoses.find((one) => one.trace !== null)?.trace;
  assert.ok((trace?.calls?.length ?? 0) >= 4);
  const replayed = await replayDecision(only(), await parts());
  assert.ok(replayed.same, JSON.stringify(replayed, null, 1));
  assert.equal(replayed.changed, []);
});

replay('names the call that was another then', async () => {
  const at = 1;
  const record = withTrace((trace) => ({
    ...trace,
    calls: (trace.calls ?? []).map((call, i) => (i === at ? { ...call, output: '{"finding":"all is well"}' } : call)),
  }));
  const replayed = await replayDecision(record, await parts());
  const model = replayed.parts.find(({ part }) => part === 'model random-2');
  assert.is(model?.same, false);
  assert.is(model?.difference?.at, `trace.calls.${at}.output`);
});

replay('says the kept prompts again where this program writes others', async () => {
  const record = withTrace((trace) => ({ ...trace, prompt: trace.prompt.replace('You diagnose', 'Do diagnose') }));
  const replayed = await replayDecision(record, await parts());
  const kept = replayed.parts.find(({ part }) => part === 'model random-2, prompt kept');
  assert.ok(kept !== undefined && kept.same !== null, JSON.stringify(kept));
});

replay('asks no host again: what was not recorded is missing', async () => {
  const asked = questionsOf(triage.probes, only().evidence, new Set());
  assert.ok(asked.size > 0);
  const [probe] = only().diagnoses.flatMap(({ trace }) => trace?.probes ?? []);
  if (probe === undefined) throw new Error('this model asked nothing: choose another seed');
  const record = withTrace((trace) => ({ ...trace, probes: [] }));
  const replayed = await replayDecision(record, await parts());
  const model = replayed.parts.find(({ part }) => part === 'model random-2');
  assert.is(model?.same, false);
  assert.match(model?.difference?.at ?? '', /^trace\.(?:calls\.\d+\.(?:prompt|output)|probes|class_probability)/);
});

test.run();
replay.run();
