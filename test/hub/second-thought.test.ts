import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RulesReasoner } from '../../hub/reason/rules.ts';
import { triedBefore } from '../../hub/steps/tried.ts';
import { commitIncident, getIncident, moved } from '../../hub/store/incidents.ts';
import { birth } from '../broker/samples.ts';
import { testAgent, until } from '../broker/site.ts';
import { builtIn, eventOf } from './evidence-fixtures.ts';
import { openSmallHub, type SmallHub } from './small-hub.ts';

const test = suite('a thought after an undone fix');

test('begins anew: the next plan is not watched since the time at which the one before it was', async () => {
  const playbooks = new Map(builtIn.playbooks.map((one) => [one.id, one]));
  const tried = (id: string) => triedBefore(small.hub.store, id);
  const rules = new RulesReasoner({ playbooks: builtIn.playbooks, tried });
  const small: SmallHub = await openSmallHub([testAgent('web-1')], { playbooks, reasoners: [rules] });
  try {
    const { hub, intake, driver } = small;
    await hub.store.write(() => void hub.store.births.put('web-1', { ...birth, agent: 'web-1' }));
    await intake.take(eventOf('group.memory', { agent: 'web-1' }));
    const [id = ''] = [...hub.store.incidents.getKeys()];
    const now = () => getIncident(hub.store, id);
    await until('it has a plan', () => now()?.route !== undefined);
    const first = now();
    assert.ok(first?.plan);
    const change = { now: hub.now(), by: 'hub', note: 'undone' };
    const undone = moved(first, 'rolled_back', change, { watched: 1_000 });
    await commitIncident(hub.store, hub.key, undone, { kind: 'test', incident: id, actor: 'hub', data: {} });
    driver.wake(id);
    await until('it was thought about again', () => (now()?.diagnoses.length ?? 0) > 0 && now()?.tried.length === 1);
    const second = now();
    assert.is(second?.watched, undefined);
    assert.equal(second?.tried, [first.plan.playbook]);
  } finally {
    await small.close();
  }
});

test.run();
