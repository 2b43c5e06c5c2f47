// The house has floors and imports run downward only (sentinel.ts -> tui -> hub | agent -> broker -> policy -> grammars);
// agent and hub never import each other. Exits 1 and names each import that climbs.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const below = {
  grammars: [],
  policy: ['grammars'],
  broker: ['policy', 'grammars'],
  agent: ['broker', 'policy', 'grammars'],
  hub: ['broker', 'policy', 'grammars'],
  tui: ['hub', 'agent', 'broker', 'policy', 'grammars'],
};

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (/\.tsx?$/.test(entry.name)) yield path;
  }
}

let climbs = 0;
for (const [room, allowed] of Object.entries(below)) {
  for (const file of sources(join(root, room))) {
    for (const [, target] of readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
      const other = relative(root, resolve(dirname(file), target)).split('/')[0];
      if (other === room || allowed.includes(other)) continue;
      console.error(`${relative(root, file)}: ${room} may not import from ${other} (${target})`);
      climbs++;
    }
  }
}
process.exit(climbs === 0 ? 0 : 1);
