import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { decodeCbor, encodeCbor } from '../../broker/cbor.ts';
import { makeFolder, writeDurably } from '../../broker/durable-file.ts';
import { bytes, int, list, pattern, record } from '../../broker/shape.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import { BackupError } from './backup-error.ts';

/**
 * The small files of a hub, encrypted: keys, and what may name secrets of others (webhooks, notifications). AES-256-GCM
 * under a key that scrypt derives from the passphrase (RFC 7914); the numbers are OWASP's for scrypt, some 100 ms.
 */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 2 ** 20 } as const;
const SALT = 16;
const NONCE = 12;
const TAG = 16;

/** A hub has tens of such files; more are none that it wrote. */
const LIMITS = { files: 2_000, file: 1 << 20, all: 8 << 20, depth: 6 } as const;

/** What lies in these is the store's, made anew at each start, the agent's own, or gigabytes that can be pulled again. */
const LEFT_OUT: ReadonlySet<string> = new Set(['hub', 'agent', 'exec', 'eval', 'models']);

/** Who runs here, and what was being written when it was killed: neither is true of the copy. */
const OF_A_PROCESS = /^lock(?:\.(?:next|own|\d+))*$|\.\d+\.new$/;

export interface SmallFile {
  /** Below the state folder, with `/`. */
  readonly name: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

/** A name that stays below the folder it is put into. */
export const INSIDE = /^(?!\/)(?!(?:.*\/)?\.\.?(?:\/|$))[^\0\\]{1,512}$/;
const sealed = record({
  version: int(1, 1),
  salt: bytes(SALT, true),
  nonce: bytes(NONCE, true),
  content: bytes(LIMITS.all + (1 << 20)),
});
const files = list(
  record({ name: pattern(INSIDE, 'a name below the folder'), mode: int(0, 0o777), content: bytes(LIMITS.file) }),
  LIMITS.files,
);

/**
 * The files of a state folder that are not the store's or an agent's. Throws E_BACKUP_TOO_LARGE past the limits, and
 * E_BACKUP_LINK: what a link leads to would be missing from a copy that counts as whole.
 */
export function readSmallFiles(state: StateFolder): readonly SmallFile[] {
  const found: SmallFile[] = [];
  let all = 0;
  const walk = (folder: string, prefix: string, depth: number) => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const [path, name] = [join(folder, entry.name), `${prefix}${entry.name}`];
      if (depth === 0 && (LEFT_OUT.has(entry.name) || entry.name.startsWith('.'))) continue;
      if (OF_A_PROCESS.test(entry.name)) continue;
      if (entry.isSymbolicLink())
        throw new BackupError('E_BACKUP_LINK', `${path} is a link: put what it leads to in its place, or take it away`);
      if (entry.isDirectory() && depth < LIMITS.depth) {
        walk(path, `${name}/`, depth + 1);
        continue;
      }
      // Sockets are none of what a hub was told.
      if (!entry.isFile() && !entry.isDirectory()) continue;
      const { size, mode } = lstatSync(path);
      all += size;
      if (entry.isDirectory() || size > LIMITS.file || all > LIMITS.all || found.length >= LIMITS.files)
        throw new BackupError(
          'E_BACKUP_TOO_LARGE',
          `${path} is too much for a backup: move what is not the hub’s away`,
        );
      found.push({ name, mode: mode & 0o777, content: new Uint8Array(readFileSync(path)) });
    }
  };
  walk(state.root, '', 0);
  return found;
}

const ROSTER = 'roster.cbor';

/** Whether these are the files of the time at which this roster, as the site root signed it, was in force. */
export const holdsRoster = (all: readonly SmallFile[], roster: Uint8Array): boolean =>
  all.some(({ name, content }) => name === ROSTER && Buffer.from(content).equals(roster));

export function sealFiles(all: readonly SmallFile[], passphrase: string): Uint8Array {
  const [salt, nonce] = [randomBytes(SALT), randomBytes(NONCE)];
  const cipher = createCipheriv('aes-256-gcm', derived(passphrase, salt), nonce);
  const content = Buffer.concat([cipher.update(encodeCbor(all)), cipher.final(), cipher.getAuthTag()]);
  return encodeCbor({ version: 1, salt, nonce, content });
}

/** Throws E_BACKUP_PASSPHRASE for another passphrase, E_BACKUP_BROKEN for bytes that are no such file. */
export function openFiles(message: Uint8Array, passphrase: string): readonly SmallFile[] {
  const { salt, nonce, content } = shaped(() => sealed(decodeCbor(message), ''));
  const decipher = createDecipheriv('aes-256-gcm', derived(passphrase, salt), nonce);
  decipher.setAuthTag(content.subarray(content.length - TAG));
  let plain: Buffer;
  try {
    plain = Buffer.concat([decipher.update(content.subarray(0, content.length - TAG)), decipher.final()]);
  } catch {
    throw new BackupError('E_BACKUP_PASSPHRASE', 'the passphrase is not the one that this backup was made with');
  }
  return shaped(() => files(decodeCbor(new Uint8Array(plain)), ''));
}

/** Each file whole, with its own mode; folders of keys are the owner's alone. */
export function writeSmallFiles(root: string, all: readonly SmallFile[]): void {
  for (const { name, mode, content } of all) {
    const path = join(root, name);
    makeFolder(dirname(path), name.startsWith('keys/') ? 0o700 : 0o750);
    writeDurably(path, content, mode);
  }
}

const derived = (passphrase: string, salt: Uint8Array): Buffer => scryptSync(passphrase, salt, 32, SCRYPT);

function shaped<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BackupError('E_BACKUP_BROKEN', `its sealed files can't be read: ${why}`);
  }
}
