// Draws the screens of a recorded site, and a journey over it that plays, into docs/shots/*.svg: the same bytes every time.
//   node dist/test/tui/shots.js [FOLDER]
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.env['NODE_ENV'] = 'production';
process.env['CI'] = 'false';
process.env['FORCE_COLOR'] = '1';
process.env['TZ'] = 'UTC';

// Only now: chalk reads the environment when it loads.
const { drawn, journey, SHOTS } = await import('./recorded-shots.ts');

const root = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '../../../docs/shots');
mkdirSync(root, { recursive: true });
for (const shot of SHOTS) writeFileSync(join(root, `${shot.name}.svg`), await drawn(shot));
writeFileSync(join(root, 'journey.svg'), await journey());
process.exit(0);
