import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Screen } from '../tui/screen.ts';

/** What a new user does: a clone, the README's command, nothing from this checkout and an empty home. */
const fresh = suite('a fresh clone');

const PATIENCE_MS = 180_000;

fresh('npm ci --ignore-scripts && npm start shows this host, with a clean HOME', async () => {
  const dir = mkdtempSync('/var/tmp/sentinel-test-clone-');
  const clone = join(dir, 'sentinel');
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: join(dir, 'home'),
    LANG: 'C.UTF-8',
    npm_config_cache: join(dir, 'cache'),
  };
  // The registry that this machine uses is not in an empty home: it is handed on.
  const registry = spawnSync('npm', ['config', 'get', 'registry']).stdout.toString().trim();
  try {
    const run = (command: string, args: string[], cwd: string) => {
      const { status, stderr } = spawnSync(command, args, {
        cwd,
        env: { ...env, npm_config_registry: registry },
        timeout: PATIENCE_MS,
      });
      assert.is(status, 0, `${command} ${args.join(' ')}: ${stderr}`);
    };
    spawnSync('mkdir', ['-p', env.HOME]);
    run('git', ['clone', '--quiet', '--no-hardlinks', process.cwd(), clone], dir);
    run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], clone);
    const screen = new Screen('npm', ['start'], { cols: 100, rows: 30, cwd: clone, env });
    try {
      await screen.until((text) => /DRY-RUN/.test(text) && /cpu\.percent .*\d %/.test(text), PATIENCE_MS);
      screen.type('q');
      await screen.ended(PATIENCE_MS);
      assert.is(screen.exit?.code, 0, screen.text());
      assert.is(screen.alternate, false);
    } finally {
      screen.close();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

fresh.run();
