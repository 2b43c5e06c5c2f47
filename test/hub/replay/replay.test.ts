import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomLlama } from '../../../fixtures/model/random-llama.ts';
import type { Incident } from '../../../hub/incident.ts';
import { openLlamaReasoner } from '../../../hub/reason/llama.ts';
import type { RepeatingReasoner, Trace } from '../../../hub/reason/reasoner.ts';
import { RulesReasoner } from '../../../hub/reason/rules.ts';
import { compareWith } from '../../../hub/replay/compare.ts';
import { RecordedModels } from '../../../hub/replay/find-model.ts';
import { type DecisionRecord, recordsOf } from '../../../hub/replay/record.ts';
import { type Replayed, type ReplayParts, replayDecision } from '../../../hub/replay/replay.ts';
import { diagnose } from '../../../hub/steps/diagnose.ts';
import { triedBefore } from '../../../hub/steps/tried.ts';
import { commitIncident, getIncident, moved } from '../../../hub/store/incidents.ts';
import { loadPolicy } from '../../../policy/policy.ts';
import { birth } from '../../broker/samples.ts';
import { testAgent, until } from '../../broker/site.ts';
import { builtIn, eventOf } from '../evidence-fixtures.ts';
import { openSmallHub, type SmallHub } from '../small-hub.ts';

/** Decisions of a real hub, with a real model beside the rules, made again from what its store holds. */
const PATIENCE_MS = 600_000;
const folder = mkdtempSync(join(tmpdir(), 'sentinel-replay-'));
const file = join(folder, 'tiny.gguf');
/** As small as it can be: what is asked of it here is to say the same again. */
const tiny = (path: string, seed: number): void => randomLlama(path, { seed, width: 32, layers: 1, feedForward: 64 });
tiny(file, 3);
const playbooks = new Map(builtIn.playbooks.map((one) => [one.id, one]));
const models = join(folder, 'models');

const opened = (path = file): Promise<RepeatingReasoner> =>
  openLlamaReasoner({ file: path, playbooks, maxThreads: 1, deadlineMs: PATIENCE_MS, log: () => {} });

let small: SmallHub;
let incident: Incident;
let known: RecordedModels;

const test = suite('a decision that is made again');

test.before(async () => {
  const model = await opened();
  const rules = new RulesReasoner({
    playbooks: builtIn.playbooks,
    tried: (id) => triedBefore(small.hub.store, id),
  });
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
  known = new RecordedModels({ folder: models, playbooks, deadlineMs: PATIENCE_MS, log: () => {} });
});

test.after(async () => {
  await known.close();
  await small.close();
  rmSync(folder, { recursive: true, force: true });
});

async function partsWith(change: Partial<ReplayParts> = {}): Promise<ReplayParts> {
  const modelOf = (trace: Trace) => known.of(trace);
  return { policy: await loadPolicy(), playbooks, modelOf, deadlineMs: PATIENCE_MS, ...change };
}

/** Where the model's part is not what is looked at, it is not asked. */
const unasked = async (change: Partial<ReplayParts> = {}): Promise<ReplayParts> =>
  partsWith({ modelOf: async () => 'not asked', ...change });

function only(of: Incident): DecisionRecord {
  const [record, ...more] = recordsOf(of);
  assert.is(more.length, 0);
  if (record === undefined) throw new Error('nothing was recorded');
  return record;
}

const differing = ({ parts }: Replayed) => parts.filter(({ same }) => same !== true).map(({ part }) => part);
const partOf = ({ parts }: Replayed, name: string) => parts.find(({ part }) => part === name);

test('comes out byte for byte, the model’s words and the way included', async () => {
  assert.equal(incident.diagnoses.map(({ by }) => by).sort(), ['rules', 'tiny']);
  assert.is(incident.inventory?.units[0], 'nginx.service');
  const replayed = await replayDecision(only(incident), await partsWith());
  assert.ok(replayed.same, JSON.stringify(replayed, null, 1));
  assert.equal(replayed.parts.map(({ part }) => part).sort(), [
    'draft',
    'evidence',
    'model tiny',
    'plan',
    'routing',
    'rules',
  ]);
  assert.equal(replayed.changed, []);
});

test('does not hang on what became of host, incident and store since', async () => {
  const { hub } = small;
  const gone = { ...birth.inventory, units: [], mounts: [] };
  await hub.store.write(() => void hub.store.births.put('web-1', { ...birth, agent: 'web-1', inventory: gone }));
  const acknowledged = { by: 'ann', at: hub.now() };
  const later: Incident = { ...incident, acknowledged, recovered: hub.now(), tried: ['group-memory'] };
  assert.equal(differing(await replayDecision(only(later), await unasked())), ['model tiny']);
});

test('names the part that was changed in the record', async () => {
  const record = only(incident);
  const { evidence, draft, plan } = record;
  const [first, ...rest] = evidence.items;
  assert.ok(first !== undefined);
  const cases: readonly (readonly [string, DecisionRecord, RegExp])[] = [
    [
      'evidence',
      { ...record, evidence: { ...evidence, items: [{ ...first, text: 'calm' }, ...rest] } },
      /^items\.0\.text$/,
    ],
    ['draft', { ...record, draft: { ...draft, verify_within: 1 } }, /^verify_within$/],
    ['rules', withAnswer(record, 'rules', { confidence: 0.99 }), /^confidence$/],
    ['model tiny', withAnswer(record, 'tiny', { root_cause: 'all is well' }), /^root_cause$/],
  ];
  for (const [part, changed, at] of cases) {
    const replayed = await replayDecision(changed, part === 'model tiny' ? await partsWith() : await unasked());
    assert.ok(!replayed.same);
    assert.match(partOf(replayed, part)?.difference?.at ?? '', at);
  }
  const swapped = { ...record, plan: { ...plan, steps: [] } };
  assert.match(partOf(await replayDecision(swapped, await unasked()), 'plan')?.why ?? '', /not the recorded hash/);
});

function withAnswer(record: DecisionRecord, by: string, change: object): DecisionRecord {
  return { ...record, diagnoses: record.diagnoses.map((one) => (one.by === by ? { ...one, ...change } : one)) };
}

test('names other rules and other playbooks, and what they would have changed', async () => {
  const site = join(folder, 'policy');
  mkdirSync(site);
  const tighten = '{ match: [kill], decision: review, reason: a person ends processes here }';
  writeFileSync(
    join(site, 'site.yaml'),
    `family: site\ntighten:\n  - ${tighten}\nexamples:\n  review: [kill -TERM 77]\n`,
  );
  const [, ...fewer] = [...playbooks];
  const parts = await unasked({ policy: await loadPolicy({ siteDir: site }), playbooks: new Map(fewer) });
  const replayed = await replayDecision(only(incident), parts);
  assert.equal(
    replayed.changed.map(({ what }) => what),
    ['playbooks', 'policy'],
  );
  assert.ok(differing(replayed).includes('plan'), JSON.stringify(replayed, null, 1));
});

test('finds a model by its hash wherever it lies, and says so where it is another or none', async () => {
  const record = only(incident);
  mkdirSync(models, { recursive: true });
  copyFileSync(file, join(models, 'renamed.gguf'));
  // Another file in its place: one that is written over would change under a model that has it mapped.
  tiny(`${file}.new`, 4);
  renameSync(`${file}.new`, file);
  const moved = new RecordedModels({ folder: models, playbooks, deadlineMs: PATIENCE_MS, log: () => {} });
  const replayed = await replayDecision(record, await partsWith({ modelOf: (trace) => moved.of(trace) }));
  await moved.close();
  assert.ok(replayed.same, JSON.stringify(replayed.parts, null, 1));

  for (const [why, spoil] of [
    [/has sha256 [0-9a-f]{64} now/, () => rmSync(models, { recursive: true })],
    [/tiny\.gguf is not there/, () => rmSync(file)],
  ] as const) {
    spoil();
    const none = new RecordedModels({ folder: models, playbooks, deadlineMs: PATIENCE_MS, log: () => {} });
    const without = await replayDecision(record, await partsWith({ modelOf: (trace) => none.of(trace) }));
    assert.equal(differing(without), ['model tiny']);
    assert.is(partOf(without, 'model tiny')?.same, null);
    assert.match(partOf(without, 'model tiny')?.why ?? '', why);
  }
  tiny(file, 3);
});

test('puts the recorded prompt to the model again where this program would write another', async () => {
  const record = only(incident);
  const trace = record.diagnoses.find(({ by }) => by === 'tiny')?.trace;
  assert.ok(trace);
  const older: Trace = { ...trace, prompt: trace.prompt.replace('Evidence:', 'Evidence, as it was called then:') };
  const model = await known.of(trace);
  assert.ok(typeof model !== 'string');
  const said = await model.repeat(older, new AbortController().signal);
  const parts = await partsWith();
  const replayed = await replayDecision(withAnswer(record, 'tiny', { trace: { ...older, ...said } }), parts);
  assert.match(partOf(replayed, 'model tiny')?.difference?.at ?? '', /^trace\./);
  assert.is(partOf(replayed, 'model tiny, prompt kept')?.same, true);
  const forged = await replayDecision(withAnswer(record, 'tiny', { trace: { ...older, output: '{}' } }), parts);
  assert.is(partOf(forged, 'model tiny, prompt kept')?.same, false);
  const elsewhere = withAnswer(record, 'tiny', {
    trace: { ...trace, backend: 'cpu of another kind', llama_build: 'b1' },
  });
  const { same, changed } = await replayDecision(elsewhere, parts);
  assert.ok(same, 'what did not change a byte is named all the same');
  assert.equal(
    changed.map(({ what, was }) => [what, was]),
    [
      ['llama_build', 'b1'],
      ['backend', 'cpu of another kind'],
    ],
  );
});

test('after an undone plan is there beside the one before it', async () => {
  const { hub, driver } = small;
  const change = { now: hub.now(), by: 'hub', note: 'undone' };
  const undone = moved(incident, 'rolled_back', change);
  await commitIncident(hub.store, hub.key, undone, {
    kind: 'test.undone',
    incident: undone.id,
    actor: 'hub',
    data: {},
  });
  const outcome = await diagnose.run(undone, hub);
  assert.ok(outcome.kind === 'move');
  await commitIncident(hub.store, hub.key, outcome.incident, outcome.audit);
  // Its model has been closed: the rules alone answer, and that is recorded.
  driver.wake(undone.id);
  const after = () => getIncident(hub.store, undone.id);
  await until('it was thought about again', () => after()?.plan !== null && after()?.plan?.id !== incident.plan?.id);
  const again = after();
  assert.ok(again);
  const [first, second, ...more] = recordsOf(again);
  assert.ok(first && second && more.length === 0);
  assert.is(first.plan.id, incident.plan?.id);
  assert.equal(second.decided?.tried, [incident.plan?.playbook]);
  assert.match(second.decided?.silent.join() ?? '', /tiny gave no answer: E_MODEL_TIMEOUT/);
  for (const record of [first, second]) {
    const replayed = await replayDecision(record, await partsWith());
    assert.ok(replayed.same, JSON.stringify(replayed, null, 1));
  }
});

test('with another model shows both answers, and with the same one the same', async () => {
  const record = only(incident);
  const same = await opened();
  const alike = await compareWith(record, same, await partsWith());
  await same.close();
  assert.ok(alike.same);
  assert.is(alike.is.by, alike.was.by);
  const rules = await compareWith(record, null, await partsWith());
  assert.is(rules.alone, null);
  assert.is(rules.is.by, 'rules');
  assert.ok(rules.is.commands.length > 0);
});

test('of an earlier version, which recorded less, says what is missing', async () => {
  const { inventory: _, decided: __, route, ...rest } = incident;
  assert.ok(route);
  const { by: ___, ...way } = route;
  const replayed = await replayDecision(only({ ...rest, route: way }), await unasked());
  assert.is(partOf(replayed, 'routing')?.same, null);
  assert.is(replayed.changed.find(({ what }) => what === 'program')?.was, 'not recorded');
});

test.run();
