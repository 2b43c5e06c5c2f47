import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Finding } from '../../hub/doctor/finding.ts';
import { Store } from '../../hub/store/store.ts';
import { Checkups } from '../../tui/read-doctor.ts';
import { kill, Site } from './site.ts';

const test = suite('the doctor');

test('it finds nothing on a good site, up or down, and names what was broken with what to do', async () => {
  const site = new Site();
  const look = async (...flags: string[]) => {
    const { code, stdout, stderr } = await site.sentinel('doctor', '--json', ...flags);
    assert.is(stderr, '');
    const all = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Finding);
    // The machine's own disk is not this test's matter.
    const bad = all.filter(({ ok, check }) => !ok && check !== 'disk');
    assert.is(code, all.every(({ ok }) => ok) ? 0 : 1);
    assert.ok(bad.every(({ todo }) => todo !== ''));
    return { all, bad, said: (check: string) => bad.find((one) => one.check === check)?.what ?? '' };
  };
  try {
    assert.match((await look()).said('site'), /there is no site/);
    await site.startHub();
    await site.startAgent();
    await site.until(() => site.reader()?.presence.get(site.agent)?.state === 'online', 'the agent');
    const up = await look();
    assert.equal(up.bad, []);
    assert.match(up.all.find(({ check }) => check === 'hub')?.what ?? '', /^runs since .* dry run, reasoner rules/);
    assert.match(up.all.find(({ check }) => check === 'broker')?.what ?? '', /^answers at 127\.0\.0\.1:\d+$/);
    assert.match(up.all.find(({ check }) => check === 'model')?.what ?? '', /^the one that ships is what was packed$/);
    const audit = up.all.filter(({ check }) => check === 'audit').map(({ what }) => what);
    assert.match(audit[1] ?? '', /^the checkpoint of \S+Z covers \d+ records$/);

    if (site.watcher !== null) await kill(site.watcher, 'SIGTERM');
    if (site.hub !== null) await kill(site.hub, 'SIGTERM');
    const down = await look();
    assert.equal(down.bad, []);
    assert.match(down.all.find(({ check }) => check === 'hub')?.what ?? '', /^is stopped since/);
    assert.match(down.all.find(({ check }) => check === 'ports')?.what ?? '', /is free for the hub$/);

    await site.leaveStore();
    const store = new Store(site.state.store, 'write');
    const head = store.audit.get(2);
    const birth = store.births.get(site.agent);
    if (head === undefined || birth === undefined) throw new Error('nothing was kept');
    await store.write(() => {
      void store.audit.put(2, { ...head, hash: 'ab'.repeat(32) });
      void store.births.put(site.agent, { ...birth, version: '0.0.9' });
      void store.presence.put(site.agent, { state: 'dead', boot: birth.boot, last_seen: Date.now() - 3_600_000 });
    });
    await store.close();
    chmodSync(join(site.state.keys, 'hub.pem'), 0o644);
    writeFileSync(site.state.correlate, 'version: 1\nopen_after: 3\n');
    writeFileSync(join(site.state.policy, 'own.yaml'), 'version: 1\nallow: ["rm -rf /"]\n');
    writeFileSync(join(site.dir, 'model.gguf'), 'no model');
    const { said, bad } = await look('--model', join(site.dir, 'model.gguf'));
    assert.match(said('audit'), /^record 2: /);
    assert.match(said('keys'), /hub\.pem$/);
    assert.match(said('settings'), /correlate\.yaml:2: /);
    assert.match(said('policy'), /own\.yaml/);
    assert.match(said('model'), /is no GGUF file/);
    const agents = bad.filter(({ check }) => check === 'agents').map(({ what }) => what);
    assert.match(agents.join('\n'), /nothing heard for 60 min[\s\S]*runs version 0\.0\.9/);

    // The screen's view has the same from the same command.
    const shown = await new Promise<ReturnType<Checkups['read']>>((resolve) => {
      const checkups = new Checkups(site.state.root, () => resolve(checkups.read()));
      assert.is(checkups.read().at, null, 'it is still looking');
    });
    const { all } = await look();
    const without = (findings: readonly Finding[]) =>
      findings.map(({ check, ok, todo }) => ({ check, ok, todo })).filter(({ check }) => check !== 'disk');
    assert.is(shown.failed, '');
    assert.equal(without(shown.rows), without(all));
    assert.ok(shown.rows.some(({ id, what }) => id === 'audit 1' && what.startsWith('record 2: ')));
  } finally {
    await site.close();
  }
});

test.run();
