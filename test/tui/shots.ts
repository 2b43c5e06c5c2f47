// Draws the screens of a recorded site into docs/shots/*.svg, the same bytes every time.   node dist/test/tui/shots.js
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { svgOf } from './svg.ts';

process.env['NODE_ENV'] = 'production';
process.env['CI'] = 'false';
process.env['FORCE_COLOR'] = '1';
process.env['TZ'] = 'UTC';

// Only now: chalk reads the environment when it loads.
const { renderAt } = await import('./render-at.ts');
const { MemoryDesk } = await import('./memory-desk.ts');
const { INCIDENT, QUIET, STATE } = await import('./recorded.ts');

const SHOTS: readonly {
  readonly name: string;
  readonly keys: readonly string[];
  readonly quiet?: boolean;
  readonly rows: number;
}[] = [
  { name: 'first-start', keys: [], quiet: true, rows: 24 },
  { name: 'incidents', keys: [], rows: 28 },
  { name: 'incident', keys: ['enter'], rows: 36 },
  { name: 'consent', keys: ['enter', 'a', '3'], rows: 28 },
  { name: 'hosts', keys: ['2'], rows: 24 },
];

const root = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '../../../docs/shots');
mkdirSync(root, { recursive: true });
for (const shot of SHOTS) {
  const desk = shot.quiet ? new MemoryDesk(QUIET) : new MemoryDesk(STATE, [INCIDENT]);
  const seen = renderAt(110, shot.rows, desk);
  seen.press(...shot.keys);
  await seen.text();
  writeFileSync(join(root, `${shot.name}.svg`), svgOf(seen.emulator));
  seen.close();
}
process.exit(0);
