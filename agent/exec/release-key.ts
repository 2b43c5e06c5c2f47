import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { UpgradeError } from '../../broker/upgrade-messages.ts';

/** A host that takes no other version over the mesh. */
export const upgradesOff = (): UpgradeError =>
  new UpgradeError(
    'E_UPGRADE_OFF',
    'this host takes no upgrade over the mesh: docs/upgrade.md says how it is switched on',
  );

/** The raw release key in a PEM file. Throws E_UPGRADE_OFF for a file that holds none: nothing can be verified with it. */
export function releaseKeyIn(file: string): Uint8Array {
  try {
    const pem = readFileSync(file);
    const { x, crv } = createPublicKey(pem).export({ format: 'jwk' });
    // A private key would do as well, and whoever reads it here could sign releases for every host.
    if (crv === 'Ed25519' && x !== undefined && !pem.includes('PRIVATE KEY'))
      return new Uint8Array(Buffer.from(x, 'base64url'));
  } catch {
    // Said below.
  }
  throw new UpgradeError('E_UPGRADE_OFF', `${file} holds no Ed25519 public key in PEM`);
}
