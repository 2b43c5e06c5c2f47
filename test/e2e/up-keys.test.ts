import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Screen } from '../tui/screen.ts';
import { FRONT_DOOR, PATIENCE_MS } from './site.ts';

const test = suite('sentinel up and the keys of an operator');

test('a mistake in keys.yaml is refused with its line before anything is started', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-up-keys-'));
  const state = join(folder, 'state');
  mkdirSync(join(folder, 'sentinel'));
  writeFileSync(join(folder, 'sentinel', 'keys.yaml'), 'version: 1\nkeys:\n  down: [ctrl-A]\n');
  const argv = [FRONT_DOOR, 'up', '--state', state, '--model', 'none'];
  const env = { XDG_CONFIG_HOME: folder };
  const screen = new Screen(process.execPath, argv, { cols: 120, rows: 40, cwd: folder, env });
  try {
    await screen.ended(PATIENCE_MS);
    assert.match(screen.raw.replaceAll(/\s+/g, ' '), /keys\.yaml:3: .*no terminal sends "ctrl-A"/);
    assert.is.not(screen.exit?.code, 0);
    assert.not.ok(existsSync(state), 'no hub and no agent was there');
  } finally {
    screen.close();
    rmSync(folder, { recursive: true });
  }
});

test.run();
