import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { event as eventShape } from '../../../broker/messages.ts';
import { isAgentId } from '../../../broker/subject.ts';
import { ConfigError } from '../../../hub/config-file.ts';
import { type Alert, AlertError, readAlerts } from '../../../hub/webhooks/alert.ts';
import { eventOf } from '../../../hub/webhooks/event.ts';
import { DEFAULT_HOSTS, readHostMap, subjectOf } from '../../../hub/webhooks/hosts.ts';
import { tempFolder } from '../../broker/site.ts';
import { fromAlertmanager } from './payloads.ts';

const test = suite('alerts of other systems');

const alertWith = (labels: Readonly<Record<string, string>>): Alert => {
  const [alert] = readAlerts('alertmanager', fromAlertmanager({})).alerts;
  if (alert === undefined) throw new Error('none');
  return { ...alert, labels };
};

test('the host of an alert is an agent by its name, with or without domain and port, or a stranger', () => {
  const agents = new Set(['web-1', 'db-1-plant-lan', 'web', '10', 'localhost']);
  const isAgent = (id: string) => agents.has(id);
  const of = (labels: Readonly<Record<string, string>>) => subjectOf(alertWith(labels), DEFAULT_HOSTS, isAgent);
  assert.is(of({ instance: 'web-1:9100' }), 'web-1');
  assert.is(of({ instance: 'https://WEB-1.plant.lan:9100/metrics' }), 'web-1');
  assert.is(of({ instance: 'db-1.plant.lan' }), 'db-1-plant-lan');
  assert.is(of({ instance: 'web-1:9100', host: 'db-1.plant.lan' }), 'db-1-plant-lan', 'its own word comes first');
  assert.is(of({ instance: 'web-2:9100' }), 'outside:web-2');
  assert.is(of({ instance: '10.0.0.7:9100' }), 'outside:10.0.0.7', 'a part of an address is no name');
  assert.is(of({ instance: '[fe80::1]:9100' }), 'outside:fe80-1');
  assert.is(of({ alertname: 'Watchdog' }), 'outside:Watchdog');
  assert.is(of({ instance: '../../web-1' }), 'outside:..', 'a path is no name');
  assert.is(of({ instance: '\u0000' }), 'outside:-');
  assert.is(of({ instance: 'http://u:p@web-1:9100/x' }), 'web-1', 'who asks is no part of a host');
  agents.add('this-host');
  for (const instance of [':9100', '***', '/', 'hub:9100']) assert.match(of({ instance }), /^outside:/, instance);
  agents.add('a'.repeat(48));
  assert.match(of({ instance: 'a'.repeat(60) }), /^outside:/, 'a name that had to be cut is another');
});

test('webhooks.yaml names hosts, and a mistake in it is named with its line', () => {
  const { path, done } = tempFolder();
  const file = join(path, 'webhooks.yaml');
  try {
    writeFileSync(file, 'version: 1\nhost_labels: [device]\nhosts:\n  10.0.0.7: web-1\n  "plc:502": web-1\n');
    const map = readHostMap(file);
    const of = (labels: Readonly<Record<string, string>>) => subjectOf(alertWith(labels), map, (id) => id === 'web-1');
    assert.is(of({ device: '10.0.0.7:9100' }), 'web-1');
    assert.is(of({ device: 'plc:502' }), 'web-1');
    assert.is(of({ device: 'plc:503', instance: 'web-1' }), 'outside:plc');
    writeFileSync(file, 'version: 1\nhosts:\n  a: web-1\n  b: Web 1\n');
    assert.throws(
      () => readHostMap(file),
      (error: unknown) => error instanceof ConfigError && error.line === 4,
    );
  } finally {
    done();
  }
});

test('a severity that is no word of ours is a warning, and a value nested thousands deep costs that alert alone', () => {
  for (const severity of ['constructor', '__proto__', 'toString', '']) {
    const event = eventOf(alertWith({ alertname: 'a', severity }), 'outside:x', 1_700_000_000_000);
    assert.is(event.severity, 'warning', severity);
  }
  const body = JSON.parse(fromAlertmanager({})) as { alerts: readonly object[] };
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  const text = JSON.stringify({ ...body, alerts: [{ ...body.alerts[0], values: 'DEEP' }, ...body.alerts] });
  const { alerts, broken } = readAlerts('alertmanager', text.replace('"DEEP"', `{"a":${deep}}`));
  assert.is(broken, 1);
  assert.is(alerts.length, body.alerts.length);
});

test('whatever a body holds, it is read or refused with a code, and what is read makes a bounded event', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom('x'.repeat(5_000), '__proto__', 'constructor'),
  );
  const named = fc.constantFrom('severity', 'alertname', 'instance', 'token');
  const pairs = fc.oneof(
    { weight: 3, arbitrary: fc.dictionary(text, fc.oneof(text, fc.jsonValue()), { maxKeys: 40 }) },
    fc.jsonValue(),
  );
  const alert = fc.record(
    {
      status: fc.constantFrom('firing', 'resolved', 'gone'),
      labels: fc.oneof(fc.dictionary(fc.oneof(text, named), text, { minKeys: 1, maxKeys: 40 }), pairs),
      annotations: pairs,
      values: pairs,
      startsAt: fc.oneof(fc.constant('2026-11-26T06:14:05Z'), fc.constantFrom('0001-01-01T00:00:00Z', '', 'soon')),
      fingerprint: fc.oneof(fc.stringMatching(/^[0-9a-f]{16}$/), fc.string()),
    },
    { requiredKeys: ['status', 'labels', 'startsAt'] },
  );
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    {
      weight: 4,
      arbitrary: fc.array(alert, { minLength: 1, maxLength: 4 }).map((alerts) => JSON.stringify({ alerts })),
    },
    fc.array(fc.oneof(alert, fc.jsonValue()), { maxLength: 4 }).map((alerts) => JSON.stringify({ alerts })),
  );
  let read = 0;
  void fc.assert(
    fc.property(body, (json) => {
      try {
        for (const one of readAlerts('grafana', json).alerts) {
          const subject = subjectOf(one, DEFAULT_HOSTS, (id) => id === 'web-1');
          const event = eventOf(one, subject, 1_700_000_000_000);
          assert.ok(subject === 'web-1' || !isAgentId(subject));
          assert.ok(subject.length < 300 && !/[^\x20-\x7e]/.test(subject + event.signal), subject);
          // All but the subject is what an agent could have said.
          assert.equal(eventShape({ ...event, agent: 'web-1' }, ''), { ...event, agent: 'web-1' });
          read++;
        }
      } catch (error) {
        if (!(error instanceof AlertError)) throw error;
      }
    }),
    { numRuns: 150 },
  );
  assert.ok(read > 10, `only ${read} were alerts`);
});

test.run();
