// Bundles the agent into one file that runs on a bare Node, on x64 and arm64: dist/sentinel-agent.cjs by default.
//   node build-agent.mjs [--out FILE]
// It holds no WASM and no native module; the policy's rules are in it, so its hash of them is the hub's.
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const root = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({ options: { out: { type: 'string', default: 'dist/sentinel-agent.cjs' } } });
const out = resolve(root, values.out);

const rulesFolder = join(root, 'policy/rules');
const { treesOf } = await importSource('policy/rule-folder.ts');
const rules = Object.entries(treesOf(rulesFolder)).map(([file, { tree }]) => ({
  file,
  text: readFileSync(join(rulesFolder, file), 'utf8'),
  tree,
}));

/** Puts the rules themselves where the module stands that reads them from its own folder. */
const embedRules = {
  name: 'embed-rules',
  setup(bundle) {
    bundle.onLoad({ filter: /[/\\]policy[/\\]built-in-rules\.ts$/ }, () => ({
      loader: 'ts',
      contents: `export const BUILT_IN_FOLDER = 'the rules of this bundle';
        const rules = ${JSON.stringify(JSON.stringify(rules))};
        export const builtInRules = () => JSON.parse(rules);`,
    }));
  },
};

const { metafile } = await build({
  entryPoints: [join(root, 'agent/main.ts')],
  outfile: out,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  minify: true,
  // Names in stack traces, and of the codes and classes that errors are told by.
  keepNames: true,
  legalComments: 'inline',
  banner: { js: '#!/usr/bin/env node' },
  metafile: true,
  plugins: [embedRules],
  logLevel: 'warning',
});

const inputs = Object.keys(metafile.inputs);
const foreign = inputs.filter(
  (path) => /\.(?:wasm|node)$/.test(path) || /node_modules\/(?:zod|lmdb|web-tree-sitter)\//.test(path),
);
if (foreign.length > 0) {
  console.error(`build-agent: an agent carries none of these: ${foreign.join(', ')}`);
  process.exit(1);
}
// V8 keeps the source of a script, and a single character beyond Latin-1 makes it two bytes for each of a million others.
const [wide] = /[^\0-\xff].*/u.exec(readFileSync(out, 'utf8')) ?? [];
if (wide !== undefined) {
  console.error(
    `build-agent: write this character as an escape, it doubles the bundle in memory: ${wide.slice(0, 60)}`,
  );
  process.exit(1);
}
const [{ bytes }] = Object.values(metafile.outputs);
console.error(`${out}: ${Math.round(bytes / 1_024)} KiB of ${inputs.length} files`);

/** A module of the sources, with what it imports, run here: the bundle needs no compiled tree. */
async function importSource(path) {
  const { outputFiles } = await build({
    entryPoints: [join(root, path)],
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire('/');" },
    write: false,
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}
