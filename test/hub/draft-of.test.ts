import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RulesReasoner } from '../../hub/reason/rules.ts';
import { draftOf } from '../../hub/steps/draft-of.ts';
import { builtIn, eventOf, evidenceFor } from './evidence-fixtures.ts';

const test = suite('a draft of a diagnosis');
const playbooks = new Map(builtIn.playbooks.map((one) => [one.id, one]));

test('a rollback has the number of the step that it undoes, whoever the steps are from', async () => {
  const evidence = evidenceFor(eventOf('host.cpu'));
  const rules = new RulesReasoner({ playbooks: builtIn.playbooks, tried: () => [], clock: () => 0 });
  const fix = await rules.diagnose(evidence, new AbortController().signal);
  const parts = { evidence, playbooks, injection: false };
  const look = { command: 'uptime', explanation: 'Shows the load.', rollback: null };
  const cases = [
    fix,
    { ...fix, needs_human: true, commands: [look, ...fix.commands] },
    { ...fix, playbook: null, commands: [look, ...fix.commands] },
  ];
  for (const diagnosis of cases) {
    const draft = draftOf(diagnosis, parts);
    const [undo] = draft.rollback;
    assert.is(draft.rollback.length, 1);
    assert.match(undo?.command ?? '', /^renice -n 0/);
    const undone = draft.steps.find(({ number }) => number === undo?.number);
    assert.match(undone?.command ?? '', /^renice -n 10/);
    assert.is(undo?.explanation, `Undoes "${undone?.command}".`);
  }
  const looks = draftOf({ ...fix, needs_human: true, commands: [look] }, parts);
  assert.equal(looks.rollback, [], 'what is not among the steps is not undone');
});

test.run();
