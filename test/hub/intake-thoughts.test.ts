import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ReasonError, type Reasoner } from '../../hub/reason/reasoner.ts';
import { acknowledge } from '../../hub/steps/acts.ts';
import { correlate } from '../../hub/steps/correlate.ts';
import { getIncident, listIncidents } from '../../hub/store/incidents.ts';
import { until } from '../broker/site.ts';
import { type Context, eventOf, hears, isWhole, say, sealed, web, withAgents } from './said-by-agents.ts';

const test = suite<Context>('intake beside a thought');
withAgents(test);

test('a reasoner that thinks for long holds up no message, and what came meanwhile is kept', async (context) => {
  const { hub } = context.small;
  let answer: () => void = () => {};
  const thinking = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const [rules] = hub.reasoners;
  assert.ok(rules);
  const slow: Reasoner = {
    name: 'slow',
    diagnose: async (evidence, signal) => {
      await thinking;
      return rules.diagnose(evidence, signal);
    },
    close: async () => {},
  };
  (hub.reasoners as Reasoner[]).push(slow);
  const acks = await hears(context, web);
  const fingerprint = 'test[slow]';
  assert.ok(await say(context, web, 'e', sealed('event', eventOf(web, 1, { fingerprint }), web)));
  await until('thinking', () => listIncidents(hub.store, 1)[0]?.state === 'diagnosing');
  assert.ok(await say(context, web, 'e', sealed('event', eventOf(web, 2, { fingerprint }), web)));
  assert.ok(await say(context, web, 'e', sealed('event', eventOf(web, 3, { fingerprint }), web)));
  await until('the acknowledgements', () => acks.at(-1)?.through === 3);
  const id = listIncidents(hub.store, 1)[0]?.id ?? '';
  assert.is(getIncident(hub.store, id)?.state, 'diagnosing');
  answer();
  await until('the end of the thought', () => getIncident(hub.store, id)?.state === 'escalated');
  assert.is(getIncident(hub.store, id)?.repeats, 2);
  assert.is(getIncident(hub.store, id)?.diagnoses.length, 2);
  isWhole(context);
});

test('a recovery while it is being thought about resolves the incident, and the thought is dropped', async (context) => {
  const { hub } = context.small;
  let answer: () => void = () => {};
  const thinking = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const slow: Reasoner = {
    name: 'slow',
    diagnose: async () => {
      await thinking;
      throw new ReasonError('E_MODEL_TIMEOUT', 'too late');
    },
    close: async () => {},
  };
  (hub.reasoners as Reasoner[]).push(slow);
  const fingerprint = 'test[gone]';
  assert.ok(await say(context, web, 'e', sealed('event', eventOf(web, 1, { fingerprint }), web)));
  await until('thinking', () => listIncidents(hub.store, 1)[0]?.state === 'diagnosing');
  assert.ok(await say(context, web, 'e', sealed('event', eventOf(web, 2, { fingerprint, kind: 'recovery' }), web)));
  const id = listIncidents(hub.store, 1)[0]?.id ?? '';
  await until('the recovery', () => getIncident(hub.store, id)?.state === 'resolved');
  answer();
  await context.small.driver.stop();
  assert.is(getIncident(hub.store, id)?.state, 'resolved');
  assert.is(getIncident(hub.store, id)?.diagnoses.length, 0);
});

test('what is said while a thought waits for its turn is not undone by it', async (context) => {
  const { hub, driver } = context.small;
  let answer: () => void = () => {};
  const thinking = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const [rules] = hub.reasoners;
  assert.ok(rules);
  const slow: Reasoner = {
    name: 'slow',
    diagnose: async (evidence, signal) => {
      await thinking;
      return rules.diagnose(evidence, signal);
    },
    close: async () => {},
  };
  (hub.reasoners as Reasoner[]).push(slow);
  const fingerprint = 'test[race]';
  assert.ok(await say(context, web, 'e', sealed('event', eventOf(web, 1, { fingerprint }), web)));
  await until('thinking', () => listIncidents(hub.store, 1)[0]?.state === 'diagnosing');
  const id = listIncidents(hub.store, 1)[0]?.id ?? '';
  const present = () => {
    const incident = getIncident(hub.store, id);
    assert.ok(incident !== undefined);
    return incident;
  };
  await driver.change(id, () => acknowledge(hub, present(), 'zoe'));
  await driver.change(id, async () => {
    answer();
    // The thought ends, and stands behind this.
    await sleep(300);
    await correlate(hub, eventOf(web, 2, { fingerprint, kind: 'recovery' }), () => {});
  });
  await until('the recovery', () => present().state === 'resolved');
  assert.is(present().diagnoses.length, 2);
  assert.is(present().acknowledged?.by, 'zoe');
  assert.is(present().owner, 'zoe');
});

test.run();
