import { spawn } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FRONT_DOOR, kill, Site } from '../e2e/site.ts';

/** `sentinel scenario run` with the product around it: a real fault, found, explained, ended by the approved fix. */
const scenarios = suite('scenarios end to end');

const EXPECTED = [
  { name: 'memory-hog', signal: 'group.memory', playbook: 'group-memory', cause: /memory-hog/ },
  { name: 'cpu-spin', signal: 'group.cpu', playbook: 'group-cpu', cause: /cpu-spin/ },
  { name: 'crash-loop', signal: 'group.restarts', playbook: 'crash-loop', cause: /crash-loop/ },
  { name: 'disk-fill', signal: 'folder.space', playbook: 'folder-full', cause: /disk-fill/, flags: ['--folder'] },
] as const;

for (const { name, signal, playbook, cause, ...more } of EXPECTED) {
  scenarios(`${name}: detected for the right reason, resolved by its playbook, and nothing of it is left`, async () => {
    const site = new Site();
    const flags = 'flags' in more ? more.flags : [];
    const argv = ['scenario', 'run', name, '--state', site.state.root, '--json', '--for', '120', ...flags];
    try {
      await site.startHub('--live');
      await site.startAgent('--live');
      const runner = spawn(process.execPath, [FRONT_DOOR, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      runner.stdout.on('data', (chunk) => {
        said += chunk;
      });
      try {
        const proposed = await site.reaches('proposed');
        assert.is(proposed.event.signal, signal);
        assert.is(proposed.plan?.playbook, playbook);
        assert.match(proposed.plan?.root_cause ?? '', cause);
        const approved = await site.sentinel('incident', 'approve', proposed.id, '--reviewed', 'all', '--yes');
        assert.is(approved.code, 0, approved.stderr);
        await site.until(() => /"fixed"/.test(said), 'the scenario to see its fix');
        const ended = await site.reaches('resolved', 'failed', 'escalated', 'outcome_unknown');
        assert.is(ended.state, 'resolved', site.told());
        assert.is((await site.sentinel('audit', 'verify')).code, 0);
      } finally {
        await kill(runner, 'SIGTERM');
      }
      assert.is(runner.exitCode, 0, said);
    } finally {
      await site.close();
    }
  });
}

scenarios.run();
