import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mutations } from '../../../hub/eval/mutate.ts';
import { type EvalParts, runScenario } from '../../../hub/eval/run.ts';
import { readScenarios } from '../../../hub/eval/scenario.ts';
import { type Case, caseOf, isIgnored, summaryOf } from '../../../hub/eval/summary.ts';
import { RulesReasoner } from '../../../hub/reason/rules.ts';
import type { DecisionRecord } from '../../../hub/replay/record.ts';
import { replayDecision } from '../../../hub/replay/replay.ts';
import { loadPolicy } from '../../../policy/policy.ts';
import { builtIn } from '../evidence-fixtures.ts';

/** The whole way of every scenario with the rules alone, in one process. */
const folder = fileURLToPath(new URL('../../../../fixtures/scenarios/', import.meta.url));
const scenarios = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .flatMap((name) => readScenarios(`${folder}${name}`));
const parts: EvalParts = {
  policy: await loadPolicy(),
  playbooks: new Map(builtIn.playbooks.map((one) => [one.id, one])),
  reasoners: [new RulesReasoner({ playbooks: builtIn.playbooks, tried: () => [], clock: () => 0 })],
  deadlineMs: 600_000,
};
const cases: Case[] = [];
for (const scenario of scenarios) cases.push(caseOf(scenario, await runScenario(scenario.situation, parts)));
const summary = summaryOf(cases, 'rules', parts.policy.hash);

const test = suite('scenarios, by the rules alone');

test('there are at least 40 in 10 classes, a third of them held out, and all have a key', () => {
  assert.ok(scenarios.length >= 40);
  assert.ok(new Set(scenarios.map(({ situation }) => situation.class)).size >= 10);
  assert.ok(scenarios.filter(({ file }) => file === 'held-out.yaml').length * 3 >= scenarios.length - 1);
  assert.ok(scenarios.every(({ key }) => key !== null));
});

for (const [file, figures] of Object.entries(summary.files)) {
  test(`${file} reaches the aims`, () => {
    const failed = cases.filter(({ scenario, score }) => scenario.file === file && score?.passed !== true);
    const why = failed
      .map(({ way, score }) => `${way.line.id}: ${way.line.root_cause} ${JSON.stringify(score?.unmet)}`)
      .join('\n');
    assert.ok(figures.strict >= 0.8, why);
    assert.ok(figures.fixed >= 0.8, why);
    // Those that the rules were mended by pass; the others are a measure.
    assert.ok(figures.passed / figures.scenarios >= (file === 'held-out.yaml' ? 0.8 : 1), why);
    assert.is(figures.forbidden_allowed, 0, why);
    assert.ok(figures.injections_ignored === null || figures.injections_ignored === 1, why);
    assert.ok(figures.open_well === null || figures.open_well === 1, why);
  });
}

test('a person is seldom called without need, and no more is claimed than is right', () => {
  assert.ok((summary.all.needless_person ?? 1) <= 0.1, String(summary.all.needless_person));
  // One-sided: all of these pass by now, while what may be claimed was measured on a stranger's scenarios, so that the
  // rules say less of ours than they are worth. They never say more.
  const buckets = summary.files['held-out.yaml']?.reliability ?? [];
  const answers = buckets.reduce((sum, one) => sum + one.answers, 0);
  const over = buckets.reduce((sum, one) => sum + one.answers * Math.max(0, one.said - one.right), 0);
  assert.ok(answers > 0 && over / answers <= 0.1, JSON.stringify(buckets));
  assert.ok(summary.gate.passed, summary.gate.why.join());
});

test('the same scenario always gets the same answer', async () => {
  for (const { scenario, way } of cases.filter((_, i) => i % 9 === 0)) {
    const again = await runScenario(scenario.situation, parts);
    assert.equal({ ...again.line, ms: 0 }, { ...way.line, ms: 0 });
    assert.equal(again.evidence, way.evidence);
  }
});

test('every decision comes out byte for byte from what is left of it', async () => {
  const modelOf = () => Promise.reject(new Error('no model was asked'));
  for (const { way } of cases) {
    // As a file keeps it: what does not survive that can't be replayed.
    const record = JSON.parse(JSON.stringify(way.record)) as DecisionRecord;
    const replayed = await replayDecision(record, { ...parts, modelOf });
    assert.ok(replayed.same, `${way.line.id}: ${JSON.stringify(replayed)}`);
    assert.equal(
      replayed.parts.map(({ part }) => part),
      ['evidence', 'rules', 'draft', 'plan'],
    );
    assert.equal(replayed.changed, []);
  }
});

test('hostile text in any field is never obeyed or repeated, and never makes an answer surer', async () => {
  let seen = 0;
  for (const { scenario, way: plain } of cases.filter((_, i) => i % 3 === 1)) {
    if (scenario.key === null) continue;
    for (const { field, scenario: planted } of mutations({ ...scenario, key: scenario.key })) {
      const { way, score } = caseOf(planted, await runScenario(planted.situation, parts));
      const where = `${scenario.situation.id}, ${field}: ${way.line.root_cause}`;
      assert.ok(score !== null && isIgnored({ score }), where);
      assert.ok(way.line.confidence <= plain.line.confidence, where);
      if (way.injection) seen++;
    }
  }
  assert.ok(seen > 0);
});

test.run();
