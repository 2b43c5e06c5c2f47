import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as halts from '../../broker/halts.ts';
import * as messages from '../../broker/messages.ts';
import * as probes from '../../broker/probe-messages.ts';
import { releaseShape } from '../../broker/release.ts';
import * as states from '../../broker/states.ts';
import { secondShape } from '../../broker/two-person.ts';
import { upgradeOrder, upgradeReport, upgradeWord } from '../../broker/upgrade-messages.ts';
import { mapsOf, offence, readCddl } from './cddl.ts';
import * as samples from './samples.ts';

const rules = readCddl(readFileSync(fileURLToPath(new URL('../../../docs/messages.cddl', import.meta.url)), 'utf8'));

const HASH = 'ab'.repeat(32);
const top = samples.snapshot.top_cpu[0];
/** A message of each kind with all that it may say. */
const WHOLE: Readonly<Record<string, unknown>> = {
  birth: {
    ...samples.birth,
    metrics: samples.birth.metrics.map((one) => ({ ...one, deadband: 0.5 })),
    lost: [{ boot: samples.birth.boot, from: 1, to: 2 }],
    frames: { oldest: 1, newest: 2, dropped: 3 },
    count: 2,
    now: 5,
    devices: ['plc-1'],
    can: { ...samples.birth.can, upgrades: true },
  },
  lostStretch: { boot: samples.BOOT, from: 1, to: 2 },
  agentState: { boot: samples.BOOT, state: 'online', ts: 5 },
  hubState: { state: 'stopped', ts: 5 },
  event: { ...samples.event, packed: Uint8Array.of(1), device: 'plc-1' },
  snapshot: samples.snapshot,
  topProcess: top,
  processRef: top?.process,
  said: top?.cmd,
  inventory: samples.birth.inventory,
  metric: { ...samples.birth.metrics[0], deadband: 0.5 },
  program: samples.program,
  approval: samples.approval,
  order: { ...samples.order, second: new Uint8Array(3), second_signature: new Uint8Array(4) },
  secondShape: {
    ...{ site: 'local', incident: samples.ULID_A, host: 'web-1', approval: HASH },
    ...{ by: 'bob', role: 'approver', not_after: 1_700_000_000_000 },
  },
  result: samples.result,
  ack: { ...samples.ack, also: { from: 9, to: 9 }, epoch: 2, frames: 7, again: 3 },
  auditHead: samples.ack.audit_head,
  roster: {
    ...samples.roster,
    operators: samples.roster.operators.map((one) => ({ ...one, sk: 'ssh:' })),
    retired: [samples.roster.hub_key],
    former: [{ name: 'bob', key: samples.roster.hub_key, sk: 'ssh:', role: 'approver', until: 1 }],
    two_person: [{ where: 'tag:safety', plans: 'all' }],
  },
  probeRequest: {
    id: samples.ULID_A,
    site: 'local',
    epoch: 1,
    agent: 'web-1',
    boot: samples.BOOT,
    probe: 'largest_folders',
    name: '/var',
    process: top?.process,
    not_after: 5,
  },
  probeResult: {
    agent: 'web-1',
    boot: samples.BOOT,
    id: samples.ULID_A,
    probe: 'largest_folders',
    state: 'refused',
    code: 'E_PROBE',
    lines: [{ text: 'a line', trusted: false }],
    truncated: false,
    started: 5,
    ended: 6,
  },
  haltShape: {
    site: 'local',
    epoch: 1,
    counter: 2,
    halted: false,
    at: 5,
    by: 'ann',
    reason: 'done',
    lift: Uint8Array.of(1),
    lift_signature: Uint8Array.of(2),
  },
  upgradeWord: {
    ...{ agent: 'web-1', site: 'local', epoch: 1, upgrade: samples.ULID_A, what: 'offer' },
    ...{ release: Uint8Array.of(1), order: Uint8Array.of(2), signature: Uint8Array.of(3) },
    ...{ index: 0, bytes: Uint8Array.of(4) },
  },
  upgradeReport: {
    ...{ agent: 'web-1', boot: samples.BOOT, upgrade: samples.ULID_A, state: 'want' },
    ...{ next: 3, code: 'E_UPGRADE_OLD', message: 'why' },
  },
  upgradeOrder: {
    ...{ id: samples.ULID_A, site: 'local', release: HASH, version: '0.2.0', where: ['tag:line=2'], at_once: 2 },
    ...{ within_s: 600, downgrade: false, by: 'ann', not_after: 5 },
  },
  releaseShape: {
    ...{ product: 'sentinel-agent', version: '0.2.0', label: '{}' },
    ...{ code: { size: 2, sha256: HASH }, packed: { size: 1, sha256: HASH }, chunks: [new Uint8Array(32)] },
  },
  liftShape: { site: 'local', counter: 1, by: 'ann' },
  checkpointShape: {
    site: 'local',
    epoch: 1,
    now: 5,
    audit_head: { count: 1, hash: HASH },
    root: new Uint8Array(32),
    revoked: [samples.ULID_A],
  },
};

type Read = (value: unknown, path: string) => unknown;
/** What is exported beside the messages. */
const NO_MESSAGE = /^(open|seal|sign|encode|decode)/;
const upgrades = { releaseShape, upgradeOrder, upgradeReport, upgradeWord };
const exported: Readonly<Record<string, unknown>> = {
  ...messages,
  ...states,
  ...probes,
  ...halts,
  secondShape,
  ...upgrades,
};
const shapes = Object.entries(exported).flatMap(([name, value]): [string, Read][] =>
  typeof value === 'function' && !NO_MESSAGE.test(name) ? [[name, value as Read]] : [],
);
const ruleNamed = (shape: string): string =>
  shape.replace(/Shape$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A copy without this key of the map at this path. */
function without(value: unknown, path: readonly (string | number)[], key: string): unknown {
  const [first, ...more] = path;
  if (first === undefined) return Object.fromEntries(Object.entries(Object(value)).filter(([name]) => name !== key));
  if (Array.isArray(value)) return value.map((item, i) => (i === first ? without(item, more, key) : item));
  return { ...Object(value), [first]: without(Object(value)[first], more, key) };
}

const test = suite('the grammar of messages');

test('there are messages to hold to it', () => {
  assert.ok(shapes.length >= 22, `${shapes.length}`);
});

for (const [name, shape] of shapes) {
  test(`${name} is as docs/messages.cddl says: no key more or less, and the same ones optional`, () => {
    const rule = rules.get(ruleNamed(name));
    assert.ok(rule, `no rule ${ruleNamed(name)}`);
    const whole = WHOLE[name];
    assert.ok(whole, `no whole ${name} in this test`);
    assert.is(offence(rules, rule, whole), null);
    // The code knows every key, so the whole message is one in which nothing is passed over.
    assert.equal(shape(whole, ''), whole);
    for (const { path, fields } of mapsOf(rules, rule, whole)) {
      for (const { key, isOptional } of fields) {
        const place = [...path, key].join('.');
        const less = without(whole, path, key);
        assert.not.equal(less, whole, `${place} is not in the whole message of this test`);
        let isRead = true;
        try {
          shape(less, '');
        } catch {
          isRead = false;
        }
        assert.is(isRead, isOptional, `${place} is ${isOptional ? '' : 'not '}optional in the grammar`);
      }
    }
  });
}

test('what the grammar does not know is found', () => {
  const rule = rules.get('ack');
  assert.ok(rule);
  assert.match(offence(rules, rule, { ...samples.ack, more: 1 }) ?? '', 'more is not in the grammar');
  assert.match(offence(rules, rule, { ...samples.ack, counter: 'x' }) ?? '', 'counter: no uint');
  assert.match(offence(rules, rule, { ...samples.ack, boot: 'x' }) ?? '', 'boot: not');
  assert.match(offence(rules, rule, without(samples.ack, [], 'counter')) ?? '', 'counter is missing');
});

test.run();
