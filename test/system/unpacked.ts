import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { below, bytesOf, fileOf, sumsOf } from '../../pack/archive.ts';
import { roleFiles } from '../../pack/tree.ts';
import { CHECKOUT } from './doc-blocks.ts';

/** An unpacked tarball of a version, with the real units and scripts, and a hub of one line, which is `version`. */
export function unpacked(dir: string, version: string): string {
  const folder = join(dir, version);
  const entries = [
    ...below('hub/opt', [fileOf('dist/sentinel.js', version), fileOf('bin/sentinel', version, 0o755)]),
    ...below(
      'agent/opt',
      ['sentinel-agent.cjs', 'bin/sentinel-agent', 'LICENSE', 'RELEASE.json'].map((path) => fileOf(path, version)),
    ),
    ...(['hub', 'agent'] as const).flatMap((role) => below(role, roleFiles(CHECKOUT, role))),
    fileOf('RELEASE.json', JSON.stringify({ version }, null, 2)),
  ];
  for (const entry of entries) {
    if (entry.kind !== 'file') continue;
    mkdirSync(dirname(join(folder, entry.path)), { recursive: true });
    writeFileSync(join(folder, entry.path), bytesOf(entry.content), { mode: entry.mode });
  }
  for (const name of ['install.sh', 'uninstall.sh']) cpSync(join(CHECKOUT, 'pack/scripts', name), join(folder, name));
  writeFileSync(join(folder, 'SHA256SUMS'), sumsOf(entries));
  return folder;
}
