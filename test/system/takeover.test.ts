import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyFile } from '../../broker/enroll.ts';
import { Outsider } from '../broker/outsider.ts';
import { kill, Site } from '../e2e/site.ts';

/** A cold standby takes over from a backup, by the site root's word; the hub before it is obeyed no more. */
const test = suite('takeover');

async function done(site: Site, ...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await site.sentinel(...argv);
  assert.is(code, 0, `${argv.join(' ')}: ${stdout}${stderr}`);
  return stdout.trim();
}

test('a standby hub with the next epoch is obeyed from its first word, and the old hub ends', async () => {
  const site = new Site();
  const standby = new Site();
  const outsider = new Outsider();
  try {
    await outsider.start();
    const credentials = join(site.dir, 'hub.json');
    writeFileSync(credentials, JSON.stringify({ version: 1, username: 'hub', password: 'any' }), { mode: 0o600 });
    const flags = ['--live', '--broker', `mqtt://127.0.0.1:${outsider.port}`, '--credentials', credentials];
    await site.startHub(...flags);
    await site.startAgent('--live');
    await site.until(() => site.log.includes('agent is here'), 'the agent');

    // The backup is older than what comes next: the agent will have seen a longer audit chain than the standby has.
    if (site.hub !== null) await kill(site.hub, 'SIGKILL');
    rmSync(standby.state.root, { recursive: true });
    const filter = (from: string) => from !== site.state.actSocket;
    cpSync(site.state.root, standby.state.root, { recursive: true, filter });
    await site.startHub(...flags);
    site.fill();
    const unseen = await site.reaches('proposed');
    await done(site, 'incident', 'approve', unseen.id, '--reviewed', 'all', '--yes');
    await site.reaches('resolved');

    const key = await done(standby, 'roster', 'new-key');
    const roster = join(site.dir, 'next.cbor');
    const root = ['--root-key', keyFile.siteRoot(site.state)];
    await done(standby, 'roster', 'sign', ...root, '--hub-key', key, '--next-epoch', '--out', roster);
    await done(standby, 'roster', 'install', roster);
    const old = site.hub;
    const ended = new Promise<number | null>((resolve) => old?.once('exit', resolve));
    await standby.startHub(...flags);
    assert.is(await ended, 1, 'the old hub ends by itself');
    assert.match(site.log, 'E_EPOCH_OLD');

    site.fill();
    const proposed = await standby.reaches('proposed');
    await done(standby, 'incident', 'approve', proposed.id, '--reviewed', 'all', '--yes');
    const resolved = await standby.reaches('resolved');
    assert.ok(resolved.results.length > 0 && resolved.results.every(({ state }) => state === 'done'));
    assert.is(site.runs('full'), 0, 'the agent did what the new hub ordered');
    await done(standby, 'audit', 'verify');

    // Started once more, the old hub hears who is in force, and ends again.
    const before = site.log.split('E_EPOCH_OLD').length;
    await site.startHub(...flags);
    await site.until(() => site.log.split('E_EPOCH_OLD').length > before, 'it ends again');
  } catch (error) {
    throw Object.assign(error instanceof Error ? error : new Error(String(error)), {
      message: `${String(error)}\n-- old hub and agent\n${site.told()}\n-- standby\n${standby.told()}`,
    });
  } finally {
    await standby.close();
    await site.close();
    await outsider.stop();
  }
});

test.run();
