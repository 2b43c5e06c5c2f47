import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The systemd credential that holds the passphrase of a service's keys (LoadCredential=, LoadCredentialEncrypted=). */
export const CREDENTIAL = 'sentinel-keys';
/** Names a file with it, where there is no systemd. A variable of its own would show to every child and in /proc. */
export const PASSPHRASE_FILE = 'SENTINEL_KEYS_PASSPHRASE_FILE';

/**
 * The passphrase under which this installation keeps its keys: the first line of the credential, or of the file; undefined
 * where neither is named, and keys lie as they are. Throws what reading a file throws.
 */
export function keptPassphrase(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const { CREDENTIALS_DIRECTORY: folder, [PASSPHRASE_FILE]: named } = env;
  const credential = folder === undefined ? '' : join(folder, CREDENTIAL);
  const file = credential !== '' && existsSync(credential) ? credential : named;
  if (file === undefined || file === '') return undefined;
  return readFileSync(file, 'utf8').split(/\r?\n/, 1)[0];
}
