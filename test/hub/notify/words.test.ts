import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { notifyCommand } from '../../../hub/commands/notify.ts';
import type { Incident } from '../../../hub/incident.ts';
import { readChannels } from '../../../hub/notify/channels.ts';
import { bodyOf } from '../../../hub/notify/words.ts';
import { event, ULID_A } from '../../broker/samples.ts';
import { tempFolder } from '../../broker/site.ts';
import { makeSite, ran } from '../made-site.ts';
import { openReceiver } from './receiver.ts';

const incident = (title: string): Incident => ({
  id: ULID_A,
  state: 'escalated',
  reason: '',
  host: 'web-1',
  title,
  severity: 'critical',
  fingerprint: 'x',
  event,
  opened: 1,
  updated: 2,
  last_seen: 2,
  repeats: 0,
  owner: 'ann',
  evidence: null,
  diagnoses: [],
  draft: null,
  plan: null,
  plan_hash: null,
  approval: null,
  orders: [],
  results: [],
  tried: [],
  learned: false,
  timeline: [],
});

const chat = (title: string): string =>
  JSON.parse(bodyOf('slack', '{title}', { id: ULID_A, site: 'local', incident: incident(title) })).text;

const test = suite('what a notice says');

test('whatever a host calls itself stays inside its code span', () => {
  void fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'`<>&!@#*_[]() \n\u202e\u001b', 'a', 'https://x.y/') }),
      (title) => {
        const text = chat(title);
        assert.match(text, /^(`[^`<>\n\p{C}]+`)?$/u, JSON.stringify(title));
      },
    ),
  );
  assert.is(chat('<!channel> @here `x` ![p](http://evil/)'), "`&lt;!channel&gt; @here 'x' ![p](http://evil/)`");
});

test('secrets are masked and long text is cut', () => {
  assert.not.match(chat('login failed password=hunter2hunter2'), /hunter2/);
  assert.ok(chat('a'.repeat(100_000)).length <= 302);
});

test('a mistake in notify.yaml is named with its line and what to write', () => {
  const { path, done } = tempFolder();
  const file = join(path, 'notify.yaml');
  const wrong = (...lines: string[]) => {
    writeFileSync(file, ['version: 1', 'channels:', '  - name: ops', ...lines.map((line) => `    ${line}`)].join('\n'));
    try {
      readChannels(file);
      return 'read';
    } catch (error) {
      return String(error);
    }
  };
  const url = 'url: http://h/x';
  assert.match(wrong('kind: pigeon', url), /:\d+: channels\.0.*kind/);
  assert.match(wrong('kind: webhook', url, 'states: [asleep]'), /:6: .*states/);
  assert.match(wrong('kind: webhook', url, 'text: "{password}"'), /:6: .*\{name\} for one of id, site/);
  assert.match(wrong('kind: webhook', url, 'match: colour=red'), /:6: .*FIELD=VALUE/);
  assert.match(wrong('kind: webhook', 'url: ftp://h/x'), /https:\/\/HOST/);
  assert.match(wrong('kind: webhook', 'url: https://u:p@h/x'), /token_file/);
  assert.match(wrong('kind: webhook', url, 'token_file: /dev/null'), /travel as it is/);
  assert.match(wrong('kind: webhook', 'url: https://h/x', 'token_file: /nowhere/token'), /ENOENT/);
  assert.match(wrong('kind: mqtt', 'url: mqtt://h', 'topic: plant/#'), /without \+ and #/);
  assert.is(wrong('kind: mqtt', 'url: mqtt://h', 'topic: plant/7'), 'read');
  assert.equal(readChannels(join(path, 'absent.yaml')), []);
  done();
});

test('`notify test` sends as the hub would, with the token, and says what came of it', async () => {
  const { path, done } = tempFolder();
  const { state } = await makeSite(path);
  const receiver = await openReceiver();
  writeFileSync(join(path, 'token'), 'abc-123\n');
  writeFileSync(
    state.notify,
    `version: 1\nchannels:\n  - { name: ops, kind: webhook, url: "${receiver.url}", token_file: ${join(path, 'token')} }\n`,
  );
  const good = await ran(notifyCommand, 'test', '--state', state.root);
  assert.is(good.code, 0);
  assert.is(receiver.got[0]?.headers.authorization, 'Bearer abc-123');
  assert.is(receiver.got[0]?.body['kind'], 'test');
  receiver.answer = () => ({ status: 403 });
  const bad = await ran(notifyCommand, 'test', 'ops', '--state', state.root);
  assert.is(bad.code, 1);
  assert.match(bad.errors.join('\n'), /ops: E_NOTIFY: .*answered 403/);
  const listed = await ran(notifyCommand, 'list', '--json', '--state', state.root);
  assert.is(JSON.parse(listed.lines[0] ?? '').kind, 'webhook');
  assert.not.match(listed.lines.join('\n'), /secret/, 'the path of an address is not shown');
  await receiver.close();
  done();
});

test.run();
