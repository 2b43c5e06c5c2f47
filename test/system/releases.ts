import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { newKeyPair, readKeyPair, writeKeyPair } from '../../broker/keys.ts';
import { VERSION } from '../../broker/version.ts';
import { CHECKOUT } from './doc-blocks.ts';

/** The version of this checkout, and one that follows. */
export const VERSIONS = [VERSION, VERSION.replace(/\d+$/, (last) => String(Number(last) + 1))] as const;
/** Any time: what is packed here is no commit. */
const TIME = '1700000000';

/** A copy of this checkout, sources and what was built, that says that it is of another version. */
export function copyOf(folder: string, version: string): string {
  mkdirSync(folder, { recursive: true });
  const skipped = new Set(['.git', 'node_modules', 'coverage', 'release', '.sentinel', '.model']);
  for (const name of readdirSync(CHECKOUT)) {
    if (!skipped.has(name) && !/^dist.+/.test(name))
      cpSync(join(CHECKOUT, name), join(folder, name), { recursive: true });
  }
  symlinkSync(realpathSync(join(CHECKOUT, 'node_modules')), join(folder, 'node_modules'));
  for (const name of ['package.json', 'broker/version.ts', 'dist/broker/version.js']) {
    const path = join(folder, name);
    const text = readFileSync(path, 'utf8');
    assert.ok(text.includes(VERSION), `${name} says no version`);
    writeFileSync(path, text.replace(VERSION, version));
  }
  return folder;
}

/** Packs a checkout's build into `out`, and gives what the packer said. */
export function packed(checkout: string, out: string, ...argv: readonly string[]): string {
  const command = [join(checkout, 'dist/pack/main.js'), '--out', out, ...argv];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    encoding: 'utf8',
    env: { ...process.env, SOURCE_DATE_EPOCH: TIME },
  });
  assert.is(status, 0, `${stdout}${stderr}`);
  return `${stdout}${stderr}`;
}

/** What test/run.mjs removes when the last file of the run has ended; a file that is run alone packs for itself. */
const OF_THIS_RUN = process.env['TEST_RUN_DIR'];

/**
 * Puts both versions into `stick`, each in a folder of its name, signed by the key in `release.pem` beside them. They are
 * packed once in a run: it takes half a minute.
 */
export function stickOf(stick: string): void {
  if (OF_THIS_RUN === undefined) {
    packBoth(stick);
    return;
  }
  const whole = join(OF_THIS_RUN, 'stick');
  if (!existsSync(whole)) {
    // Below a folder of its own, which nobody else can read, one that accounts on the booted host can.
    const draft = join(mkdtempSync(join(OF_THIS_RUN, 'draft-')), 'stick');
    packBoth(draft);
    try {
      renameSync(draft, whole);
    } catch (error) {
      // Another file was first.
      if (!existsSync(whole)) throw error;
      rmSync(draft, { recursive: true });
    }
  }
  cpSync(whole, stick, { recursive: true });
}

/** The public half of a key that is in this file, as OpenSSL and an agent's root read it. */
export function publicKeyOf(file: string): string {
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), readKeyPair(file).public]);
  return `-----BEGIN PUBLIC KEY-----\n${spki.toString('base64')}\n-----END PUBLIC KEY-----\n`;
}

function packBoth(stick: string): void {
  mkdirSync(stick, { recursive: true });
  const key = join(stick, 'release.pem');
  writeKeyPair(key, newKeyPair());
  const checkouts = mkdtempSync('/var/tmp/sentinel-test-checkouts-');
  try {
    for (const version of VERSIONS)
      packed(copyOf(join(checkouts, version), version), join(stick, version), '--key', key);
  } finally {
    rmSync(checkouts, { recursive: true, force: true });
  }
}
