import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { labelsOf } from '../../../hub/correlate/labels.ts';
import { type Labels, MatchError, parseMatcher } from '../../../hub/correlate/matcher.ts';
import { ServiceMap } from '../../../hub/correlate/service-map.ts';
import { event } from '../../broker/samples.ts';

const test = suite('matcher');

const labels: Labels = {
  host: ['web-1'],
  signal: ['disk.space'],
  metric: ['disk.used_percent[/var]'],
  subject: ['/var'],
  severity: ['warning'],
  fingerprint: ['disk.space[/var]'],
  tag: ['edge', 'db'],
  service: [],
};
const holds = (text: string) => parseMatcher(text).matches(labels);

test('all terms must hold, and a label with several values matches with one of them', () => {
  for (const text of [
    'host=web-1',
    'host=web-*',
    'host=*',
    'host=*-1',
    'host=w*b*1',
    'tag=db tag=edge',
    'tag=db host!=x',
  ]) {
    assert.ok(holds(text), text);
  }
  for (const text of [
    'host=web',
    'host=web-',
    'host=*2',
    'tag!=db',
    'tag=lab',
    'service=web',
    'host=web-1 signal=net.*',
  ]) {
    assert.not.ok(holds(text), text);
  }
  assert.ok(holds('service!=web'), 'what a host does not have, it does not have');
});

test('severities are compared by rank', () => {
  assert.ok(
    holds('severity>=warning') && holds('severity>=info') && holds('severity<=warning') && holds('severity=warning'),
  );
  assert.not.ok(holds('severity>=critical') || holds('severity<=info'));
});

test('what is no expression is refused, and the term is named', () => {
  for (const text of ['', ' ', 'web-1', 'host', 'host=', 'colour=red', 'host>=web', 'severity>=worse', 'host~x']) {
    assert.throws(
      () => parseMatcher(text),
      (error: unknown) => error instanceof MatchError && error.code === 'E_MATCH',
      text,
    );
  }
  assert.throws(() => parseMatcher('host=a '.repeat(17)), /at most 16 terms/);
  assert.throws(() => parseMatcher(`host=${'a'.repeat(600)}`), /at most 500/);
});

test('a wildcard says what the same regular expression says', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 12 });
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '-', '*'), minLength: 1, maxLength: 8 });
  void fc.assert(
    fc.property(pattern, letters, (wild, text) => {
      const expected = new RegExp(`^${wild.replaceAll('*', '[^]*')}$`).test(text);
      assert.is(parseMatcher(`host=${wild}`).matches({ ...labels, host: [text] }), expected, `${wild} on ${text}`);
    }),
    { numRuns: 2_000 },
  );
});

test('an event has the labels that expressions ask about', () => {
  const services = new ServiceMap([{ name: 'shop', hosts: ['web-1'], depends_on: [] }]);
  const found = labelsOf({ ...event, metric: 'disk.used_percent[/var]' }, ['edge'], services);
  assert.equal(found.subject, ['/var']);
  assert.equal(found.service, ['shop']);
  assert.equal(found.tag, ['edge']);
  assert.equal(found.host, [event.agent]);
});

test.run();
