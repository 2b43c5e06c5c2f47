import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { KeyPair } from '../../broker/keys.ts';
import { sshSign } from '../../broker/sshsig.ts';
import { prepareFolder, stateFolder } from '../../broker/state-folder.ts';
import { HOSTILE_TEXTS, memoryIncident } from '../../fixtures/model/incident.ts';
import { type Acting, askHub } from '../../hub/acts/client.ts';
import { serveActs } from '../../hub/acts/server.ts';
import type { Hub } from '../../hub/hub.ts';
import { type Diagnosis, ReasonError, type Reasoner, type Watcher } from '../../hub/reason/reasoner.ts';
import { RulesReasoner } from '../../hub/reason/rules.ts';
import { THOUGHT_LIMITS } from '../../hub/reason/thinking.ts';
import { Thoughts } from '../../hub/reason/thoughts.ts';
import { getIncident } from '../../hub/store/incidents.ts';
import { birth } from '../broker/samples.ts';
import { tempFolder, testAgent, until } from '../broker/site.ts';
import { eventOf } from './evidence-fixtures.ts';
import { keys, openSmallHub } from './small-hub.ts';

const test = suite('what a reasoner is thinking');

test('is shown while it thinks: its stage, and what it wrote with names in the place of slots', () => {
  const thoughts = new Thoughts();
  const thought = thoughts.begin('big', memoryIncident(), 1_000);
  const { incident } = memoryIncident();
  assert.equal(thoughts.of(incident), [{ by: 'big', stage: 'waiting', text: '', since: 1_000 }]);
  thought.stage('triage');
  thought.wrote('{"class":"memory-');
  thought.wrote('hog","who":"E1"}');
  thought.stage('logs');
  thought.wrote('E3');
  assert.equal(thoughts.of(incident), [
    {
      by: 'big',
      stage: 'logs',
      text: '{"class":"memory-hog","who":"mem-hog (pid 4242)"}\ningest.service',
      since: 1_000,
    },
  ]);
  assert.equal(thoughts.of('01JD0000000000000000000001'), [], 'of another incident nothing');
  thought.end();
  thought.wrote('late');
  assert.equal(thoughts.of(incident), []);
});

test('is bounded and harmless, whatever a model writes', () => {
  void fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string({ unit: 'binary', maxLength: 600 }), fc.constantFrom(...HOSTILE_TEXTS))),
      fc.string({ unit: 'binary' }),
      (pieces, stage) => {
        const thoughts = new Thoughts();
        const thought = thoughts.begin('big\u001b[2J', memoryIncident(), 0);
        for (const piece of pieces) {
          thought.stage(stage);
          thought.wrote(piece);
        }
        const [shown] = thoughts.of(memoryIncident().incident);
        const { by = '', stage: name = '', text = '' } = shown ?? {};
        assert.ok(Buffer.byteLength(text) <= THOUGHT_LIMITS.bytes);
        assert.ok(name.length <= THOUGHT_LIMITS.name && by.length <= THOUGHT_LIMITS.name);
        assert.not.match(text, /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        assert.not.match(by + name, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      },
    ),
  );
});

test('keeps the end of a long text, and no more thoughts than it may', () => {
  const thoughts = new Thoughts();
  const thought = thoughts.begin('big', memoryIncident(), 0);
  for (let i = 0; i < 20_000; i++) thought.wrote(`${i % 10}`);
  thought.wrote('é'.repeat(3_000));
  const [shown] = thoughts.of(memoryIncident().incident);
  assert.is(shown?.text, 'é'.repeat(THOUGHT_LIMITS.bytes / 2));
  for (let i = 0; i < 2 * THOUGHT_LIMITS.open; i++) thoughts.begin(`m${i}`, memoryIncident(), 0);
  assert.is(thoughts.of(memoryIncident().incident).length, THOUGHT_LIMITS.shown);
});

/** Writes a little and then waits until it is told to fail. */
class Pondering implements Reasoner {
  readonly name = 'big';
  fail = () => {};

  diagnose(_: unknown, __: AbortSignal, watcher?: Watcher): Promise<Diagnosis> {
    watcher?.stage('logs');
    watcher?.wrote('the log says \u001b[2J');
    return new Promise((_resolve, reject) => {
      this.fail = () => reject(new ReasonError('E_MODEL_OUTPUT', 'a test'));
    });
  }

  close = () => Promise.resolve();
}

const acting = (name: string, key: KeyPair): Acting => ({
  name,
  role: 'viewer',
  site: 'local',
  sign: async (message, namespace) => sshSign(message, namespace, key),
});

test('is read through the hub’s socket by who may see the host, and is gone with the answer', async () => {
  const { path, done } = tempFolder();
  const state = stateFolder(join(path, 'site'));
  prepareFolder(state);
  const big = new Pondering();
  const rules = new RulesReasoner({ playbooks: [], tried: () => [] });
  const small = await openSmallHub([testAgent('web-1')], { reasoners: [big, rules] });
  const operators = [
    ...small.hub.roster.operators,
    { name: 'eve', key: keys.eve.public, role: 'approver' as const, scopes: ['host:other'] },
  ];
  const hub: Hub = { ...small.hub, roster: { ...small.hub.roster, operators } };
  const stop = await serveActs(hub, small.driver, state.actSocket);
  try {
    await hub.store.write(() => void hub.store.births.put('web-1', { ...birth, agent: 'web-1' }));
    await small.intake.take(eventOf('group.memory', { agent: 'web-1' }));
    const [incident = ''] = [...hub.store.incidents.getKeys()];
    await until('it is thought about', () => hub.thoughts.of(incident).length === 1);
    const look = { verb: 'look', incident, session: '0123456789abcdef' } as const;
    const [seen] = (await askHub(state, acting('vic', keys.vic), look)).thinking ?? [];
    assert.equal([seen?.by, seen?.stage, seen?.text], ['big', 'logs', 'the log says  [2J']);
    assert.ok((seen?.since ?? 0) > 1_700_000_000_000);
    const outside = await askHub(state, acting('eve', keys.eve), look);
    assert.equal([outside.ok, outside.thinking], ['yes', undefined]);
    big.fail();
    await until('it has a diagnosis', () => (getIncident(hub.store, incident)?.diagnoses.length ?? 0) > 0);
    const after = await askHub(state, acting('vic', keys.vic), look);
    assert.equal([after.ok, after.thinking], ['yes', undefined]);
  } finally {
    await stop();
    await small.close();
    done();
  }
});

test.run();
