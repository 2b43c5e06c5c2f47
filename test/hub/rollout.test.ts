import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ulid } from '../../broker/ulid.ts';
import { hostsOf, nextHost, type Rollout, stopped, withHost } from '../../hub/upgrade/rollout.ts';

const test = suite('rollouts');

const rolloutOf = (where: readonly string[], at_once: number, tagged: Readonly<Record<string, string>>): Rollout => ({
  ...{ id: ulid(), by: 'ann', version: '0.1.1', release: 'ab'.repeat(32), begun: 1, ended: null },
  ...{ state: 'running', why: '', where, at_once, within_s: 10 },
  ...{ message: new Uint8Array(), order: new Uint8Array(), signature: new Uint8Array() },
  hosts: hostsOf(
    { where },
    Object.entries(tagged).map(([agent, tag]) => ({ agent, tags: [tag] })),
    1,
  ),
});

/** Begins with all whose turn it is, and gives their names. */
function begun(rollout: Rollout): { readonly rollout: Rollout; readonly names: readonly string[] } {
  const names: string[] = [];
  let next = rollout;
  for (let host = nextHost(next); host !== null; host = nextHost(next)) {
    names.push(host.agent);
    next = withHost(next, host.agent, { state: 'sending', code: '', message: '', at: 2 });
  }
  return { rollout: next, names };
}
const ended = (rollout: Rollout, state: 'done' | 'away' | 'returned', ...agents: readonly string[]): Rollout =>
  agents.reduce((one, agent) => withHost(one, agent, { state, code: '', message: '', at: 3 }), rollout);

test('one host first, then so many at once, and a group only after the one before', () => {
  const tags = { a1: 'a', a2: 'a', a3: 'a', a4: 'a', b1: 'b', b2: 'b', c1: 'c' };
  let step = begun(rolloutOf(['tag:b', 'tag:a'], 2, tags));
  assert.equal(step.names, ['b1']);
  step = begun(ended(step.rollout, 'away', 'b1'));
  // Who was not there has shown nothing: the next one is alone too.
  assert.equal(step.names, ['b2']);
  step = begun(ended(step.rollout, 'done', 'b2'));
  assert.equal(step.names, ['a1', 'a2']);
  step = begun(ended(step.rollout, 'done', 'a2'));
  assert.equal(step.names, ['a3']);
  step = begun(ended(step.rollout, 'done', 'a1', 'a3'));
  assert.equal(step.names, ['a4']);
  assert.equal(ended(step.rollout, 'done', 'a4').state, 'done');
  assert.not.ok(step.rollout.hosts.some(({ agent }) => agent === 'c1'));

  const back = ended(step.rollout, 'returned', 'a4');
  assert.equal([back.state, back.why, nextHost(back)], ['stopped', 'a4: returned', null]);
  const early = begun(rolloutOf(['tag:a'], 2, tags)).rollout;
  const over = stopped(withHost(early, 'a1', { state: 'switching', code: '', message: '', at: 2 }), 'ann', 3);
  // What is being put over is heard to its end; the others were never begun.
  assert.equal(
    over.hosts.map(({ state }) => state),
    ['switching', 'left', 'left', 'left'],
  );
  assert.is(ended(over, 'done', 'a1').state, 'stopped');
});

test.run();
