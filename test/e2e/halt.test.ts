import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { COUNTING_PLAYBOOK } from './counting-playbook.ts';
import { kill, Site } from './site.ts';

const test = suite('halt');

test('`sentinel halt` ends a running plan; over restarts nothing begins until an admin has lifted it', async () => {
  const site = new Site();
  try {
    // Its second step would keep the order going for longer than any wait of this test.
    site.playbook('folder-full', COUNTING_PLAYBOOK.replace('sleep 2', 'sleep 600'));
    await site.startHub('--live');
    await site.startAgent('--live');
    site.fill();
    const { id } = await site.reaches('proposed');
    const approve = (incident: string) => site.sentinel('incident', 'approve', incident, '--reviewed', 'all', '--yes');
    assert.is((await approve(id)).code, 0);
    await site.until(() => /step\.2","begun/.test(site.journal()), 'the second step');
    assert.is((await site.sentinel('halt', '--reason', 'a test')).code, 0);
    const halted = await site.reaches('failed', 'rolled_back', 'escalated', 'verifying');
    assert.ok(
      halted.results.some(({ state, code }) => state === 'failed' && code === 'E_HALTED'),
      site.told(),
    );
    assert.is(site.runs('full'), 1, 'the third step did not run');

    // Both are killed: it is on both disks.
    if (site.watcher !== null) await kill(site.watcher, 'SIGKILL');
    await site.restartHub('--live');
    await site.startAgent('--live');
    const status = await site.sentinel('halt', '--status', '--json');
    assert.is(status.code, 1);
    assert.is(JSON.parse(status.stdout).reason, 'a test');
    await site.until(() => site.log.split('HALTED: nothing is executed').length > 2, 'the agent’s word');

    assert.is((await site.sentinel('halt', '--lift')).code, 0);
    assert.is((await site.sentinel('halt', '--status')).code, 0);
    assert.is((await site.sentinel('halt', '--lift')).code, 2, 'nothing is halted');
    const audit = await site.sentinel('audit', 'verify');
    assert.is(audit.code, 0, audit.stdout);
  } finally {
    await site.close();
  }
});

test.run();
