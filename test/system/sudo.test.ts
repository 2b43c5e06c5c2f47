import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StepReport } from '../../agent/execute.ts';
import { hasCommand, needsPackages } from './debian.ts';

/** Debian's sudo with the entries that `sentinel policy sudoers` prints, in a mount namespace where they are all that it has. */
const test = suite<{ folder: string }>('sudo mode');
const NOBODY = '65534';
const FRONT_DOOR = fileURLToPath(new URL('../../sentinel.js', import.meta.url));
const HELPER = fileURLToPath(new URL('./sudo-order.js', import.meta.url));

test.before((context) => {
  needsPackages(['sudo'], () => hasCommand('visudo') && hasCommand('sudo'));
  context.folder = mkdtempSync(join(tmpdir(), 'sentinel-sudo-'));
});
test.after(({ folder }) => rmSync(folder, { recursive: true, force: true }));

interface Asked {
  readonly sudo: readonly StepReport[];
  readonly without: readonly StepReport[];
}

/** What becomes of each program when an agent that runs as `nobody` is ordered to run it. */
function order(folder: string, entries: string, ...programs: readonly (readonly string[])[]): Asked[] {
  const file = join(folder, 'sudoers');
  writeFileSync(file, entries, { mode: 0o440 });
  const script = 'mount --bind "$1" /etc/sudoers && shift && exec "$@"';
  const words = programs.map((argv) => JSON.stringify(argv));
  const argv = ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', file];
  const run = spawnSync('unshare', [...argv, process.execPath, HELPER, NOBODY, ...words], { encoding: 'utf8' });
  rmSync(file);
  assert.is(run.status, 0, run.stderr);
  return JSON.parse(run.stdout);
}

test('an agent that is not root runs an order through the entries that policy printed, and nothing beside them', ({
  folder,
}) => {
  const printed = spawnSync(process.execPath, [FRONT_DOOR, 'policy', 'sudoers', '--user', 'nobody'], {
    encoding: 'utf8',
  });
  assert.is(printed.status, 0, printed.stderr);
  const [listed, beside] = order(folder, printed.stdout, ['visudo', '-c'], ['dmesg', '-E']);
  assert.is(listed?.sudo[0]?.state, 'done', JSON.stringify(listed));
  // Only root may read the file that it checks.
  assert.match(`${listed?.sudo[0]?.stdout}`, /parsed OK/);
  // An operator's consent does not widen what root's owner wrote into sudoers.
  assert.is(beside?.sudo[0]?.state, 'failed', JSON.stringify(beside));
  assert.match(beside?.sudo[0]?.stderr ?? '', /a password is required/);
});

test('without the entries sudo refuses it; without sudo the agent says that it is read-only', ({ folder }) => {
  const [asked] = order(folder, 'root ALL=(ALL:ALL) ALL\n', ['visudo', '-c']);
  assert.is(asked?.sudo[0]?.state, 'failed');
  assert.match(asked?.sudo[0]?.stderr ?? '', /a password is required|not in the sudoers file/);
  assert.equal([asked?.without[0]?.state, asked?.without[0]?.code], ['refused', 'E_NEEDS_ROOT']);
  assert.match(asked?.without[0]?.stderr ?? '', /^read-only here: cannot act as root/);
});

test.run();
