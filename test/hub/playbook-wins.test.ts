import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LIMITS } from '../../agent/detect/limits.ts';
import { fillCommand, SAMPLES } from '../../hub/playbook/placeholders.ts';
import { RulesReasoner } from '../../hub/reason/rules.ts';
import { loadPolicy } from '../../policy/policy.ts';
import { builtIn, evidenceFor } from './evidence-fixtures.ts';
import { eventOf, type RecordedIncident, readRows } from './recorded-incident.ts';

/** One incident for each playbook, which must be the answer. */
const rows = readRows<RecordedIncident & { readonly playbook: string }>('playbooks/incidents.jsonl');

const test = suite('each playbook is the answer to something');
const reasoner = new RulesReasoner({ playbooks: builtIn.playbooks, tried: () => [], clock: () => 0 });

for (const row of rows) {
  test(`${row.playbook} answers ${row.signal}${row.lines[0] === undefined ? '' : `: ${row.lines[0].slice(0, 40)}`}`, async () => {
    const evidence = evidenceFor(eventOf(row));
    const diagnosis = await reasoner.diagnose(evidence, new AbortController().signal);
    assert.is(diagnosis.playbook, row.playbook, diagnosis.root_cause);
    const { cause = '' } = builtIn.playbooks.find(({ id }) => id === row.playbook) ?? {};
    assert.ok(diagnosis.root_cause.startsWith(cause.slice(0, 60)), diagnosis.root_cause);
  });
}

test('every built-in playbook is the answer to at least one of them, and there are more than 60', () => {
  const answered = new Set(rows.map(({ playbook }) => playbook));
  assert.equal(
    builtIn.playbooks.map(({ id }) => id).filter((id) => !answered.has(id)),
    [],
  );
  assert.ok(answered.size >= 60, `${answered.size}`);
});

test('every signal that an agent’s limits send has a playbook, and every playbook a signal that is sent', () => {
  const sent = new Set(LIMITS.map(({ signal }) => signal));
  const treated = new Set(builtIn.playbooks.flatMap(({ match }) => match.signals));
  assert.equal([...sent].filter((signal) => !treated.has(signal)).sort(), []);
  assert.equal([...treated].filter((signal) => !sent.has(signal)).sort(), []);
});

test('no step is blocked, and each can be compiled, with what undoes it', async () => {
  const policy = await loadPolicy();
  for (const { id, steps } of builtIn.playbooks) {
    for (const command of steps.flatMap(({ run, rollback }) => (rollback === null ? [run] : [run, rollback]))) {
      const { program, decision } = policy.check(fillCommand(command, SAMPLES) ?? '', null);
      assert.ok(program !== null && decision !== 'block', `${id}: ${command}`);
    }
  }
});

test.run();
