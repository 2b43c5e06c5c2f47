import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { EXIT, readArguments } from '../broker/command-line.ts';
import { keyPairOf } from '../broker/keys.ts';
import { sha256OfFile } from './archive.ts';
import { commitOf } from './commit.ts';
import { packAll, UPGRADE_FILE } from './release.ts';
import { fingerprintOf, releaseKey, signatureOf } from './sign.ts';

export const PACK_USAGE = `npm run pack -- [--out DIR] [--key FILE [--passphrase-file FILE]]
  Builds anew, and packs: a tarball of hub and agent that installs without a registry, Debian packages of both, and
  their SHA-256 sums. Two builds of one commit, with one Node, are the same bytes.
  --out DIR   where they go (default: release)
  --key FILE  sign the sums, and an upgrade of the agent for sentinel upgrade, with this Ed25519 key: openssl genpkey -algorithm ed25519 -out release.pem`;

/** A checkout, and what was compiled of it. */
export interface Checkout {
  readonly root: string;
  readonly dist: string;
}

/** Writes a release of `checkout`. Throws PackError and UsageError. */
export async function packCommand(argv: readonly string[], checkout: Checkout): Promise<number> {
  const { values } = readArguments(
    argv,
    {
      out: { type: 'string', default: 'release' },
      key: { type: 'string' },
      'passphrase-file': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
    PACK_USAGE,
  );
  if (values.help) {
    console.log(PACK_USAGE);
    return EXIT.done;
  }
  const key = values.key === undefined ? null : releaseKey(values.key, values['passphrase-file']);
  const out = resolve(values.out);
  mkdirSync(out, { recursive: true });
  const commit = commitOf(checkout.root);
  const work = mkdtempSync(join(tmpdir(), 'sentinel-pack-'));
  try {
    rmSync(join(out, UPGRADE_FILE), { force: true });
    const names = await packAll({ ...checkout, work, out, commit, key: key === null ? null : keyPairOf(key) });
    let sums = '';
    for (const name of names) sums += `${await sha256OfFile(join(out, name))}  ${name}\n`;
    writeFileSync(join(out, 'SHA256SUMS'), sums);
    const signature = join(out, 'SHA256SUMS.sig');
    rmSync(signature, { force: true });
    if (key !== null) writeFileSync(signature, signatureOf(sums, key));
    console.log(sums.trimEnd());
    if (commit.isChanged)
      console.error('pack: files differ from the commit, or are not in it: this is no release of it');
    console.error(key === null ? 'pack: not signed: give --key FILE' : `pack: signed by ${fingerprintOf(key)}`);
    return EXIT.done;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
