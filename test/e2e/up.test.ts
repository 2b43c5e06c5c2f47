import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startTime, stateFolder } from '../../broker/state-folder.ts';
import { Screen } from '../tui/screen.ts';
import { FRONT_DOOR, kill, PATIENCE_MS, Site } from './site.ts';

/** The main job as a user meets it: one command in a terminal. */
const up = suite('sentinel up');

/** Every `sentinel` process that works on this state folder. */
function processesOn(dir: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid > 0 && pid !== process.pid)
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return command.includes('sentinel.js') && command.includes(dir) && startTime(pid) !== -1;
      } catch {
        return false;
      }
    });
}

up('shows this host live, takes a fault from the screen to resolved, and leaves the terminal as it was', async () => {
  const site = new Site();
  const argv = [FRONT_DOOR, 'up', '--live', '--port', '0', '--interval', '0.25', '--state', site.state.root];
  const screen = new Screen(process.execPath, argv, { cols: 120, rows: 40 });
  try {
    await screen.until((text) => /LIVE: what you approve runs/.test(text), PATIENCE_MS);
    await screen.until((text) => /cpu\.percent .*\d %/.test(text), PATIENCE_MS);
    const second = spawnSync(process.execPath, [FRONT_DOOR, 'up', '--headless', '--state', site.state.root]);
    assert.is(second.status, 2);
    assert.match(second.stderr.toString(), 'E_RUNNING');

    site.fill();
    await screen.until((text) => /1 waits for you/.test(text) && /folder over its quota/.test(text), PATIENCE_MS);
    screen.resize(90, 30);
    await screen.until((text) => /folder over its quota/.test(text), PATIENCE_MS);
    screen.resize(120, 40);
    await screen.until((text) => /waiting for you/.test(text), PATIENCE_MS);
    screen.type('\r');
    await screen.until((text) => /incidents › /.test(text), PATIENCE_MS);
    await openConsent(screen);
    screen.type('1');
    await screen.until((text) => /included by you/.test(text), PATIENCE_MS);
    await quiet();
    screen.type('Y');
    // Deleting files is destructive: the host's name must be typed before Y counts.
    await screen.until((text) => /name: ▌/.test(text), PATIENCE_MS);
    await quiet();
    for (const key of site.agent) {
      screen.type(key);
      await quiet();
    }
    screen.type('Y');
    await screen.until((text) => /Signed/.test(text), PATIENCE_MS);
    await site.reaches('resolved');
    screen.type('\x1b');
    await screen.until((text) => /today/.test(text) && /resolved/.test(text), PATIENCE_MS);
    screen.type('\x03');
    await screen.ended(PATIENCE_MS);
    assert.is(screen.exit?.code, 0, screen.text());
    assert.not.match(screen.raw, '\x1b[3J');
    assert.is(screen.alternate, false, 'the alternate screen is left');
    assert.equal(processesOn(site.state.root), [], 'nothing is left running');
  } finally {
    screen.close();
    await site.close();
  }
});

/** What comes within 300 ms of a dialog's opening, or as one of several keys at once, is never consent. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 600));

/** Scrolls to the plan's end, since only what was shown can be approved, and opens the dialog. */
async function openConsent(screen: Screen): Promise<void> {
  screen.type('G');
  await quiet();
  screen.type('a');
  await screen.until((text) => /approve on /.test(text), PATIENCE_MS);
  await quiet();
}

up('killed with -9 it leaves no hub and no agent behind, and the next start finds its state', async () => {
  const dir = mkdtempSync('/var/tmp/sentinel-test-up-');
  const state = stateFolder(join(dir, 'state'));
  const argv = [FRONT_DOOR, 'up', '--port', '0', '--state', state.root];
  try {
    for (let round = 0; round < 2; round++) {
      const screen = new Screen(process.execPath, argv, { cols: 100, rows: 30 });
      await screen.until((text) => /DRY-RUN/.test(text) && /cpu\.percent .*\d %/.test(text), PATIENCE_MS);
      assert.is(processesOn(state.root).length, 3, 'up, hub and agent');
      process.kill(screen.pid, 'SIGKILL');
      await screen.ended(PATIENCE_MS);
      const deadline = Date.now() + PATIENCE_MS;
      while (processesOn(state.root).length > 0 && Date.now() < deadline) await new Promise((r) => setTimeout(r, 50));
      assert.equal(processesOn(state.root), []);
      screen.close();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

up(
  'an occupied port takes the next and says so; a hub that dies is started again where the agent finds it',
  async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const site = new Site();
    const argv = [
      FRONT_DOOR,
      'up',
      '--headless',
      '--port',
      String(port),
      '--interval',
      '0.25',
      '--state',
      site.state.root,
    ];
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    try {
      await site.until(() => said.includes(`Port ${port} is occupied`), 'the word on the port');
      await site.until(() => /agent is here/.test(said), 'the agent');
      taken.close();
      const hub = processesOn(site.state.root).find((pid) =>
        /\0hub\0/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8')),
      );
      assert.ok(hub);
      process.kill(hub, 'SIGKILL');
      await site.until(
        () => /starting it again/.test(said) && said.split('ready address').length === 3,
        'the next hub',
      );
      site.fill();
      await site.reaches('proposed');
    } finally {
      await kill(child, 'SIGTERM');
      await site.close();
      taken.close();
    }
    assert.equal(processesOn(site.state.root), []);
  },
);

up.run();
