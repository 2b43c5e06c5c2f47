// Takes the README's pictures from a real session: `sentinel up --live`, a real fault, a real plan.
//   npm run shots      writes docs/shots/live-*.svg
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Screen } from '../tui/screen.ts';
import { svgOf } from '../tui/svg.ts';
import { FRONT_DOOR, kill, PATIENCE_MS, Site } from './site.ts';

const folder = join(dirname(fileURLToPath(import.meta.url)), '../../../docs/shots');
mkdirSync(folder, { recursive: true });

/** Long enough for the sparklines to have a past. */
const PAST_MS = 12_000;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const site = new Site();
const argv = [FRONT_DOOR, 'up', '--live', '--port', '0', '--interval', '0.5', '--state', site.state.root];
const screen = new Screen(process.execPath, argv, { cols: 118, rows: 34, env: { FORCE_COLOR: '1' } });
const shoot = (name: string) => writeFileSync(join(folder, `live-${name}.svg`), svgOf(screen.emulator));
try {
  await screen.until((text) => /LIVE: what you approve runs/.test(text), PATIENCE_MS);
  await pause(PAST_MS);
  shoot('quiet');
  screen.type('x');
  const scenario = ['scenario', 'run', 'memory-hog', '--state', site.state.root, '--for', '60', '--linger', '10'];
  const runner = spawn(process.execPath, [FRONT_DOOR, ...scenario], { stdio: 'ignore' });
  await screen.until((text) => /1 waits for you/.test(text), PATIENCE_MS);
  await pause(2_000);
  shoot('incidents');
  screen.type('\r');
  await screen.until((text) => /incidents › /.test(text), PATIENCE_MS);
  await pause(1_000);
  shoot('incident');
  screen.type('G');
  await pause(600);
  screen.type('a');
  await screen.until((text) => /approve on /.test(text), PATIENCE_MS);
  await pause(600);
  screen.type('1');
  await screen.until((text) => /included by you/.test(text), PATIENCE_MS);
  shoot('consent');
  await pause(600);
  screen.type('Y');
  await site.reaches('resolved');
  screen.type('\x1b');
  await screen.until((text) => /resolved/.test(text), PATIENCE_MS);
  await pause(1_000);
  shoot('resolved');
  screen.type('\x03');
  await screen.ended(PATIENCE_MS);
  await kill(runner, 'SIGTERM');
} finally {
  screen.close();
  await site.close();
}
