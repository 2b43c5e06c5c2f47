import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyFile, makeLocalSite, readRoster, readSite } from '../../broker/enroll.ts';
import { newKeyPair, readKeyPair, writeKeyPair, writeSealedKeyPair } from '../../broker/keys.ts';
import { sshLineOf } from '../../broker/operator-key.ts';
import { readOpensshKey } from '../../broker/operator-secret.ts';
import { sealRoster } from '../../broker/roster.ts';
import { sshString } from '../../broker/ssh-wire.ts';
import { prepareFolder, type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { actingOperator } from '../../hub/acts/acting.ts';
import { askHub, signPlan } from '../../hub/acts/client.ts';
import { serveActs } from '../../hub/acts/server.ts';
import { getIncident } from '../../hub/store/incidents.ts';
import { tempFolder, testAgent } from '../broker/site.ts';
import { SoftToken } from '../broker/soft-token.ts';
import { type AgentServer, openAgent, opensshText } from '../broker/ssh-agent-server.ts';
import { keys, openSmallHub, proposeTo, type SmallHub } from './small-hub.ts';

interface Context {
  small: SmallHub;
  state: StateFolder;
  agent: AgentServer;
  folder: string;
  close: () => Promise<void>;
}
const test = suite<Context>('who acts');

const stranger = newKeyPair();
test.before.each(async (context) => {
  const { path, done } = tempFolder();
  const state = stateFolder(join(path, 'site'));
  prepareFolder(state);
  makeLocalSite(state, 'web-1');
  const small = await openSmallHub([testAgent('web-1')]);
  // The folder's roster names the hub's own operators, and none whose key lies in the folder.
  const root = readKeyPair(keyFile.siteRoot(state));
  writeFileSync(state.roster, sealRoster({ ...small.hub.roster, version: 2 }, root));
  const stop = await serveActs(small.hub, small.driver, state.actSocket);
  const agent = await openAgent(join(path, 'agent.sock'), [stranger, keys.ann]);
  const close = async () => {
    await stop();
    await agent.close();
    await small.close();
    done();
  };
  Object.assign(context, { small, state, agent, folder: path, close });
});
test.after.each(({ close }) => close());

const code =
  (expected: string, why = /./) =>
  (error: unknown) =>
    error instanceof Error && 'code' in error && error.code === expected && why.test(error.message);
const refused = async (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'not refused',
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );

test('a key in a file, of OpenSSH or PEM, and one in an ssh-agent: each approves through the hub', async ({
  small,
  state,
  agent,
  folder,
}) => {
  const [pem, openssh, half] = [join(folder, 'ann.pem'), join(folder, 'id_ann'), join(folder, 'id_ann.pub')];
  writeKeyPair(pem, keys.ann);
  writeFileSync(openssh, opensshText(keys.ann), { mode: 0o600 });
  writeFileSync(half, `${sshLineOf(keys.ann.public)} ann@plant-7\n`);
  const env = { SSH_AUTH_SOCK: agent.socket };
  for (const [file, where] of [
    [pem, {}],
    [openssh, {}],
    [half, env],
    [undefined, env],
  ] as const) {
    const operator = await actingOperator(state, file, where);
    assert.equal([operator.name, operator.role, operator.site], ['ann', 'admin', 'local']);
    const incident = await proposeTo(small.hub);
    const signed = await signPlan(incident, operator, [], Date.now());
    const answer = await askHub(state, operator, { verb: 'approve', incident: incident.id, ...signed });
    assert.is(answer.ok, 'yes', `${file}: ${answer.message}`);
    assert.is(getIncident(small.hub.store, incident.id)?.approval?.by, 'ann');
  }
});

test('the local operator’s key comes first, as long as it is theirs; then only an agent’s, and never a guess', async ({
  small,
  state,
  agent,
  folder,
}) => {
  const env = { SSH_AUTH_SOCK: agent.socket };
  const name = readSite(state).localOperator;
  const local = readKeyPair(keyFile.operator(state, name));
  const { roster } = readRoster(state, readSite(state));
  const root = readKeyPair(keyFile.siteRoot(state));
  const own = { name, key: local.public, role: 'approver' as const, scopes: [] };
  writeFileSync(state.roster, sealRoster({ ...roster, operators: [...roster.operators, own] }, root));
  assert.is((await actingOperator(state, undefined, env)).name, name);
  rmSync(keyFile.operator(state, name));
  assert.is((await actingOperator(state, undefined, env)).name, 'ann');
  assert.match(await refused(actingOperator(state, undefined, {})), /E_OPERATOR_KEY.*--key FILE/);

  const two = await openAgent(join(folder, 'two.sock'), [keys.ann, keys.vic]);
  assert.match(
    await refused(actingOperator(state, undefined, { SSH_AUTH_SOCK: two.socket })),
    /E_OPERATOR_KEY.*ann, vic/,
  );
  await two.close();
  assert.match(await refused(actingOperator(state, undefined, { SSH_AUTH_SOCK: two.socket })), /E_SSH_AGENT.*reach/);
  assert.is(small.hub.roster.operators.length, 2);
});

test('a security token in an ssh-agent approves with one touch', async ({ small, state, folder }) => {
  const token = new SoftToken();
  const bob = { name: 'bob', ...token.key, role: 'approver' as const, scopes: [] };
  const { roster } = readRoster(state, readSite(state));
  const next = { ...roster, version: 3, operators: [...roster.operators, bob] };
  writeFileSync(state.roster, sealRoster(next, readKeyPair(keyFile.siteRoot(state))));
  const hub = { ...small.hub, roster: next };
  const path = stateFolder(join(folder, 'other'));
  prepareFolder(path);
  const stop = await serveActs(hub, small.driver, path.actSocket);
  const agent = await openAgent(join(folder, 'token.sock'), [], [token]);
  const half = join(folder, 'id_bob_sk.pub');
  writeFileSync(half, `${sshLineOf(token.pair.public, 'ssh:')} bob@plant-7\n`);
  try {
    const operator = await actingOperator(state, half, { SSH_AUTH_SOCK: agent.socket });
    assert.equal([operator.name, operator.isTouched, token.counter], ['bob', true, 0]);
    const incident = await proposeTo(hub);
    const signed = await signPlan(incident, operator, [], Date.now());
    const answer = await askHub(path, operator, { verb: 'approve', incident: incident.id, ...signed });
    assert.is(answer.ok, 'yes', answer.message);
    assert.is(getIncident(hub.store, incident.id)?.approval?.by, 'bob');
    assert.is(token.counter, 1);
    const other = await proposeTo(hub);
    assert.is((await askHub(path, operator, { verb: 'reject', incident: other.id, note: '' })).ok, 'yes');
    assert.is(token.counter, 2, 'a rejection has no signature of its own: the challenge has');
  } finally {
    await agent.close();
    await stop();
  }
});

test('a stranger’s key, one that the agent has not, and what is no key are refused, each with the way out', async ({
  state,
  agent,
  folder,
}) => {
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const env = { SSH_AUTH_SOCK: agent.socket };
  const locked = opensshText(keys.ann, (body) =>
    Buffer.from(body.toString('latin1').replace('\x04none', '\x04aes9'), 'latin1'),
  );
  for (const [path, where, why] of [
    [file('eve', opensshText(keys.eve)), env, /E_OPERATOR_KEY.*SHA256:.*operator list/],
    [file('vic.pub', sshLineOf(keys.vic.public)), env, /E_SSH_AGENT.*ssh-add .*vic`/],
    [file('ann.pub', sshLineOf(keys.ann.public)), {}, /E_SSH_AGENT.*SSH_AUTH_SOCK/],
    [file('locked', locked), {}, /E_SSH_AGENT.*ssh-add/],
    [file('garbage', 'garbage'), env, /E_KEY_FILE/],
    [file('cut', opensshText(keys.ann).slice(0, 120)), env, /E_KEY_FILE/],
    [join(folder, 'none'), env, /E_KEY_FILE.*no file/],
  ] as const) {
    assert.match(await refused(actingOperator(state, path, where)), why, path);
  }
  // As under cron: nobody is there to type it, and no flag of an act names a file with it.
  Object.defineProperty(process.stdin, 'isTTY', { value: false, configurable: true });
  writeSealedKeyPair(join(folder, 'sealed.pem'), keys.ann, 'correct horse battery');
  assert.match(
    await refused(actingOperator(state, join(folder, 'sealed.pem'), env)),
    /E_KEY_FILE.*terminal.*ssh-agent/,
  );
  const byAgent = await actingOperator(state, join(folder, 'locked'), env);
  assert.is(byAgent.name, 'ann', 'an encrypted key that the agent holds');
});

test('whatever an agent answers, it is refused with its code, and nothing waits for it', async ({ state, agent }) => {
  const env = { SSH_AUTH_SOCK: agent.socket };
  const ann = await actingOperator(state, undefined, env);
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.uint8Array({ maxLength: 64 }).map((rest) => new Uint8Array([12, ...rest])),
    fc.uint8Array({ maxLength: 100 }).map((rest) => new Uint8Array([14, ...rest])),
  );
  const answers = fc.oneof(
    bodies.map((body) => new Uint8Array(sshString(body))),
    fc.uint8Array({ maxLength: 8 }),
    fc.constant(new Uint8Array([255, 255, 255, 255, 12])),
  );
  await fc.assert(
    fc.asyncProperty(answers, async (answer) => {
      agent.instead = answer;
      assert.match(await refused(actingOperator(state, undefined, env)), /^E_(SSH_AGENT|OPERATOR_KEY)/);
      assert.match(await refused(ann.sign(new Uint8Array(3), 'sentinel-approval')), /^E_SSH_AGENT/);
    }),
    { numRuns: 60 },
  );
});

test('whatever an OpenSSH key file holds, it is a key or a refusal with its code', () => {
  const changes = fc.tuple(fc.nat(240), fc.uint8Array({ minLength: 1, maxLength: 6 }));
  fc.assert(
    fc.property(changes, ([at, bytes]) => {
      const text = opensshText(keys.ann, (body) => {
        body.set(bytes.subarray(0, Math.max(0, body.length - at)), at);
        return body;
      });
      try {
        assert.is(readOpensshKey(text).public.length, 32);
      } catch (error) {
        assert.ok(code('E_KEY_FILE')(error), String(error));
      }
    }),
  );
});

test.run();
