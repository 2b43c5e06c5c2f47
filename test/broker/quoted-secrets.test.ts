import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readIdentity } from '../../agent/identity.ts';
import { brokerUrl, readCredentials } from '../../broker/credentials.ts';
import { writeJoinToken } from '../../broker/join-token.ts';
import { parsePrivateJson } from '../../broker/json.ts';
import { redact, redactArgv } from '../../broker/redact.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { readChannels } from '../../hub/notify/channels.ts';
import { readEndpoint } from '../../hub/reason/endpoint/config.ts';
import { tempFolder } from './site.ts';

/** A message about a mistake goes to logs and terminals: it says where the mistake is, and quotes nothing. */
const test = suite<{ folder: string; done: () => void }>('mistakes beside a secret');
test.before.each((context) => {
  const { path: folder, done } = tempFolder();
  Object.assign(context, { folder, done });
});
test.after.each(({ done }) => done());

const SECRET = 'Kp4Zr8Wq2Lx6Tn0B';
/** What is said by who refuses; it holds no part of the secret that could be of use. */
function refusal(act: () => unknown): string {
  let said = 'not refused';
  try {
    act();
  } catch (error) {
    said = String(error);
  }
  assert.is.not(said, 'not refused');
  for (let at = 0; at + 6 <= SECRET.length; at++) assert.not.ok(said.includes(SECRET.slice(at, at + 6)), said);
  return said;
}

/** JSON that is wrong in each place: JSON.parse would quote what stands around it. */
function* spoilt(good: string): Generator<string> {
  for (let at = 0; at < good.length; at++) yield good.slice(0, at) + good.slice(at + 1);
  for (let at = 0; at < good.length; at += 3) yield `${good.slice(0, at)}}${good.slice(at)}`;
}

test('JSON with a secret in it is refused without a word of it', () => {
  const good = `{"version":1,"username":"hub","password":"${SECRET}","ca":"x"}`;
  let refused = 0;
  for (const text of spoilt(good)) {
    try {
      parsePrivateJson(text);
    } catch (error) {
      refused++;
      refusal(() => {
        throw error;
      });
    }
  }
  assert.ok(refused > 20, `${refused} refusals`);
  assert.equal(parsePrivateJson('{"a":1}'), { a: 1 });
});

test('credentials, an agent’s identity and settings that can’t be read are named by their file', ({ folder }) => {
  const file = join(folder, 'c.json');
  writeFileSync(file, `{"version":1,"username":"hub","password":"${SECRET}" "ca":"x"}`);
  assert.match(
    refusal(() => readCredentials(file)),
    /c\.json: it is not JSON/,
  );
  writeFileSync(file, `{"version":1,"username":"hub","password":["${SECRET}"]}`);
  assert.match(
    refusal(() => readCredentials(file)),
    /c\.json: .*password/,
  );

  const state = stateFolder(join(folder, 'state'));
  mkdirSync(state.keys, { recursive: true });
  writeFileSync(join(state.keys, 'identity.json'), `{"mac":"${SECRET}","tls_key":"${SECRET}`);
  assert.match(
    refusal(() => readIdentity(state, 'web-1')),
    /identity\.json: it is not JSON/,
  );

  const channels = `version: 1\nchannels:\n  - { name: a, kind: slack, url: 'htp://127.0.0.1/hooks/${SECRET}' }\n`;
  writeFileSync(state.notify, channels);
  assert.match(
    refusal(() => readChannels(state.notify)),
    /notify\.yaml:1: .*no address/,
  );
  const endpoint = `version: 1\nname: a\nmodel: m\nurl: 'postgres://app:${SECRET}@db/v1'\n`;
  writeFileSync(state.endpoint, endpoint);
  assert.match(
    refusal(() => readEndpoint(state.endpoint)),
    /endpoint\.yaml:1: .*no address/,
  );
});

test('an address with a password in it is refused, whatever else is wrong with it', () => {
  for (const address of [
    `mqtt://agent:${SECRET}@hub`,
    `redis://:${SECRET}@hub`,
    `mqtt://${SECRET}@hub`,
    `agent:${SECRET}@hub:18x83`,
    `mqtts://agent:${SECRET}@hub:99999`,
  ])
    refusal(() => brokerUrl(address));
  assert.match(
    refusal(() => brokerUrl('http://hub')),
    /http:\/\/hub: only mqtt/,
  );
});

test('a join token is hidden in an argument and in a line', () => {
  const token = writeJoinToken({
    ...{ site: 'plant-7', agent: 'web-1', root: new Uint8Array(32).fill(7), ca: new Uint8Array(32).fill(8) },
    ...{ secret: new Uint8Array(32).fill(9), at: 'hub:8884', expires: 1_900_000_000_000 },
  });
  const argv = ['/usr/bin/node', 'sentinel.js', 'agent', '--join', token, '--live'];
  assert.is(redactArgv(argv), '/usr/bin/node sentinel.js agent --join [redacted] --live');
  assert.is(redact(`run: sentinel agent --join ${token}`), 'run: sentinel agent --join [redacted]');
  assert.is(redact(`--join=${token}`), '--join=[redacted]');
});

test.run();
