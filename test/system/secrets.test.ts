import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PASSPHRASE_FILE } from '../../broker/kept-passphrase.ts';
import { PROBE_IDS, PROBES } from '../../broker/probe-catalogue.ts';
import type { Incident } from '../../hub/incident.ts';
import { listIncidents } from '../../hub/store/incidents.ts';
import { FRONT_DOOR, kill, PATIENCE_MS } from '../e2e/site.ts';
import { fromAlertmanager } from '../hub/webhooks/payloads.ts';
import { Screen } from '../tui/screen.ts';
import { filesBelow, type Leak, Planted } from './planted.ts';
import { SecretSite } from './secret-site.ts';

/** Every secret that a site can be given, and every way in which it could come to light where it does not belong. */
const test = suite<{ site: SecretSite; all: readonly Incident[] }>('planted secrets');

test('the search finds what it looks for in each form', () => {
  const planted = new Planted();
  const text = planted.text('x');
  for (const said of [text, Buffer.from(text).toString('hex'), Buffer.from(`ab${text}`).toString('base64')])
    assert.is.not(planted.in('here', `before ${said} behind`).length, 0, said);
  for (const before of ['', 'a', 'ab', 'abc'])
    assert.is.not(planted.in('here', Buffer.from(`${before}${text}`).toString('base64url')).length, 0);
  assert.is.not(planted.in('here', text.slice(5, 45)).length, 0, 'a part');
  assert.equal(planted.in('here', 'nothing'), []);
});

test.before(async (context) => {
  context.site = new SecretSite();
});
test.after(({ site }) => site.close());

/** The newest incident of such a signal, about what these words say, once it is in one of these states. */
const incidentOf = (
  { hub }: SecretSite,
  signal: string,
  { about = '', states = [] }: { readonly about?: string; readonly states?: readonly Incident['state'][] } = {},
): Promise<Incident> =>
  hub.until(() => {
    const store = hub.reader();
    if (store === null) return undefined;
    return listIncidents(store, 100)
      .flatMap(({ id }) => store.incidents.get(id) ?? [])
      .filter(({ event }) => event.signal === signal && event.reason.includes(about))
      .find(({ state }) => states.length === 0 || states.includes(state));
  }, `an incident of ${signal} ${about}`);

const jsonOf = (value: unknown): string => JSON.stringify(value);

test('a site with all its secrets goes through trouble: a fault, its plan, alerts, questions, notices', async ({
  site,
}) => {
  const { hub, host, planted } = site;
  await site.start();
  // The first takes itself on as a tool, and the others come with what it was given.
  const listeners = [listen(site, 'view/1/#')];
  await hub.until(() => existsSync(join(hub.state.keys, 'tool-watch.json')), 'a listener');
  for (const topic of ['json/1/#', 's/1/+/e', 's/1/hub/+', 's/1/+/b']) listeners.push(listen(site, topic));
  // What is retained is heard at once, so that one listens by then.
  await hub.until(() => listeners.at(-1)?.text().includes('"topic":"s/1/web-1/b"'), 'a listener that hears');

  site.startWorkload();
  const memory = await incidentOf(site, 'group.memory', { about: 'group historian' });
  site.logs();
  const lines = await incidentOf(site, 'log.new_error');
  host.fill();
  const { id } = await incidentOf(site, 'folder.space', { states: ['proposed'] });
  await webhook(site);
  await incidentOf(site, 'alert.NodeDiskFull');

  const own = await incidentOf(site, 'group.memory', { about: 'group own' });
  assert.match(jsonOf(own.event.snapshot), /--join/, 'the agent is seen with its arguments');
  assert.match(jsonOf(memory.event.snapshot), /--password=\[redacted\]/);
  assert.match(jsonOf(lines.event), /password=\[redacted\]/);

  const pids = [host.watcher?.pid, ...(memory.event.snapshot?.top_mem ?? []).map(({ process }) => process.pid)];
  for (const probe of PROBE_IDS) {
    const names = PROBES[probe].about === 'process' ? pids.slice(0, 4).map(String) : [host.spool];
    for (const name of PROBES[probe].about === 'nothing' ? [''] : names)
      await site.run('incident', 'probe', memory.id, probe, ...(name === '' ? [] : [name]));
  }
  const approved = await site.run('incident', 'approve', id, '--reviewed', 'all', '--yes');
  assert.is(approved.code, 0, approved.stderr);
  const resolved = await incidentOf(site, 'folder.space', { states: ['resolved'] });
  assert.match(
    jsonOf(resolved.results),
    /db_password=\[redacted\]/,
    'what the command printed is here, without secrets',
  );
  assert.match(readFileSync(host.state.journal, 'utf8'), /db_password=\[redacted\]/);
  await hub.until(() => site.receiver.got.length > 3 && site.chat.heard.length > 0, 'notices and questions to a model');
  assert.ok(site.receiver.got.some(({ headers }) => headers.authorization?.includes(planted.text('desk'))));
  assert.is(site.chat.heard[0]?.authorization, `Bearer ${planted.text('endpoint')}`);
  await hub.until(() => listeners[0]?.text().includes('"topic":"view/1/'), 'a view of an incident');
  for (const listener of listeners) await listener.close();
});

test('hub and agent end by an error that nobody has foreseen, and come again', async ({ site }) => {
  const { hub, host } = site;
  for (const who of [hub, host]) {
    await site.crash(who === hub ? hub.hub : host.watcher);
    assert.match(who.log, /made by the test/);
  }
  await site.startHub();
  await site.startAgent();
  await hub.until(() => hub.log.split('agent is here agent=web-1').length > 2, 'the agent again');
});

test('every command that shows, exports or copies something is run', async ({ site }) => {
  const { hub } = site;
  const store = hub.reader();
  assert.ok(store !== null);
  const ids = listIncidents(store, 100).map(({ id }) => id);
  assert.ok(ids.length >= 5);
  for (const id of ids)
    for (const argv of [
      ['show', id],
      ['show', id, '--json'],
      ['report', id],
      ['report', id, '--html'],
    ])
      await site.run('incident', ...argv);
  const out = join(hub.dir, 'out');
  mkdirSync(out);
  const pass = site.keep('backup.pass', site.planted.text('backup'));
  for (const argv of [
    ['incident', 'list', '--json'],
    ['audit', 'verify', '--export', join(out, 'audit.jsonl')],
    ['audit', 'export', '--for', 'soc2', '--out', join(out, 'bundle')],
    ['audit', 'prove', ids[0] ?? '', '--out', join(out, 'proof.jsonl')],
    ['backup', out, '--passphrase-file', pass],
    ['doctor', '--json'],
    ['notify', 'list', '--json'],
    ['notify', 'test'],
    ['operator', 'list', '--json'],
    ['roster', 'show', '--json'],
    ['enroll', '--list', '--json'],
    ['keys', 'list', '--json'],
    ['automation', 'show', '--json'],
    ['automation', 'try'],
    ['silence', 'list'],
    ['halt', '--status'],
    ['acl', 'export', '--for', 'mosquitto'],
    ...ids.map((id) => ['replay', id, '--json']),
  ]) {
    const { code, stderr } = await site.run(...argv);
    // Only what has findings, or nothing to make again, may say so.
    if (!['doctor', 'replay', 'notify'].includes(argv[0] ?? '')) assert.is(code, 0, `${argv.join(' ')}: ${stderr}`);
  }
  const text = await site.plain('list', ...ids.map((id) => `show ${id.slice(-4)}`), 'hosts', 'policy id');
  assert.match(text, /plant-7, LIVE/);
  await looks(site);
  const [, address = ''] = [...hub.log.matchAll(/metrics and health address=(\S+)/g)].at(-1) ?? [];
  for (const path of ['/metrics', '/healthz'])
    site.said.push([path, await (await fetch(`http://${address}${path}`)).text()]);
});

test('mistakes near a secret are named without it', async ({ site }) => {
  const { hub, host, planted, vault } = site;
  const secret = planted.text('mistake');
  const spoilt = site.keep('spoilt.json', `{"version":1,"username":"hub","password":"${secret}" "ca":"x"}`);
  const broker = ['--broker', 'mqtt://127.0.0.1:1', '--credentials', spoilt];
  for (const [code, ...argv] of [
    ['E_CREDENTIALS', 'hub', ...broker],
    ['E_CREDENTIALS', 'agent', '--id', 'hub', '--credentials', spoilt],
    ['E_CREDENTIALS', 'agent', '--broker', `mqtt://agent:${secret}@127.0.0.1:1`],
    ['E_CREDENTIALS', 'hub', '--broker', `redis://:${secret}@127.0.0.1:1`, '--credentials', spoilt],
    ['E_JOIN_TOKEN', 'agent', '--join', `sentinel-join-1.${secret}`],
  ] as const) {
    const { stderr } = await site.run(...argv);
    assert.match(stderr, code);
  }
  writeFileSync(
    join(host.state.watch, 'broken.yaml'),
    `version: 1\ndatabases:\n  - { name: x, kind: postgres, host: 'postgres://app:${secret}@db/x' }\n`,
    { mode: 0o600 },
  );
  await hub.until(() => /E_WATCH|broken\.yaml:3/.test(host.log), 'the refusal of what is no host');
  writeFileSync(
    hub.state.notify,
    `version: 1\nchannels:\n  - { name: a, kind: slack, url: 'htp://127.0.0.1/${secret}' }\n`,
    { mode: 0o600 },
  );
  assert.match((await site.run('notify', 'list')).stderr, /E_CONFIG.*no address/);
  await site.run('doctor', '--json');
  process.env[PASSPHRASE_FILE] = join(vault, 'backup.pass');
  assert.match((await site.run('incident', 'ack', 'x')).stderr, /E_/, 'another passphrase');
  process.env[PASSPHRASE_FILE] = join(vault, 'keys.pass');
});

test('nothing of it is found but where it belongs', async ({ site }) => {
  const { hub, host, planted, said } = site;
  site.addOwnKeys();
  if (host.watcher !== null) await kill(host.watcher, 'SIGTERM');
  // An identity that can't be read is named, and nothing of it is quoted.
  const identity = join(host.state.keys, 'identity.json');
  writeFileSync(identity, readFileSync(identity, 'utf8').replace('"tls_key": "', '"tls_key": '));
  const { stderr } = await host.sentinel('agent');
  assert.match(stderr, /E_STATE_BROKEN/);

  const texts: (readonly [string, string])[] = [
    ...said,
    ['the hub', hub.log],
    ['the agent', host.log],
    ['a broken identity', stderr],
    ['notices', jsonOf(site.receiver.got.map(({ body }) => body))],
    ['questions to a model', jsonOf(site.chat.heard.map(({ body }) => body))],
  ];
  const leaks: Leak[] = texts.flatMap(([where, text]) => planted.in(where, text));
  const keys = [hub.state.keys, host.state.keys];
  for (const { dir } of [hub, host]) {
    for (const leak of planted.below(dir)) {
      const isKey = keys.some((folder) => leak.where.startsWith(`${folder}/`)) && !leak.name.startsWith('sealed');
      if (!isKey && !site.written.includes(leak.where)) leaks.push(leak);
    }
  }
  assert.equal([...new Set(leaks.map(({ where, name, form }) => `${name}, ${form}: ${where}`))], []);
  for (const folder of keys) {
    assert.is(statSync(folder).mode & 0o777, 0o700, folder);
    for (const file of filesBelow(folder)) assert.is(statSync(file).mode & 0o777, 0o600, file);
  }
});

/** What a person hears who listens, until the test has heard enough. */
function listen({ hub, said }: SecretSite, topic: string): { text: () => string; close: () => Promise<void> } {
  const argv = [FRONT_DOOR, 'watch', topic, '--state', hub.state.root];
  const child: ChildProcess = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += chunk));
  const close = async () => {
    await kill(child, 'SIGTERM');
    said.push([`watch ${topic}`, text]);
  };
  return { text: () => text, close };
}

/** An alert whose words hold secrets, by who shows the token and by who does not. */
async function webhook({ hub, planted }: SecretSite): Promise<void> {
  const [, address = ''] = [...hub.log.matchAll(/takes alerts address=(\S+)/g)].at(-1) ?? [];
  const body = fromAlertmanager({
    labels: { instance: 'web-1', api_token: planted.text('label') },
    annotations: { summary: `login failed: password=${planted.text('annotation')}` },
  });
  for (const [token, status] of [
    [planted.text('webhooks'), 200],
    [planted.text('wrong'), 401],
  ] as const) {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`http://${address}/webhook/alertmanager`, { method: 'POST', body, headers });
    assert.is(answer.status, status);
  }
}

/** The operator's screen, each of its rooms, and an incident opened. */
async function looks({ hub, said, vault }: SecretSite): Promise<void> {
  const argv = [FRONT_DOOR, 'tui', '--state', hub.state.root];
  const env = { [PASSPHRASE_FILE]: join(vault, 'keys.pass') };
  const screen = new Screen(process.execPath, argv, { cols: 200, rows: 60, cwd: hub.dir, env });
  try {
    await screen.until((text) => /waiting for you/.test(text), PATIENCE_MS);
    screen.type('\r');
    await screen.until((text) => /incidents › /.test(text), PATIENCE_MS);
    for (const [key, shows] of [
      ['2', 'web-1'],
      ['5', 'plan.approved'],
      ['6', 'rule'],
    ] as const) {
      screen.type(key);
      await screen.until(shows, PATIENCE_MS);
    }
    screen.type('\x03');
    await screen.ended(PATIENCE_MS);
  } finally {
    screen.close();
    said.push(['the screen', screen.raw]);
  }
}

test.run();
