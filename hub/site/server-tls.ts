import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { writeDurably } from '../../broker/durable-file.ts';
import { keyFile, type Site } from '../../broker/enroll.ts';
import { keptPassphrase } from '../../broker/kept-passphrase.ts';
import { privateKeyIn, privatePem } from '../../broker/sealed-pem.ts';
import { StateError, type StateFolder } from '../../broker/state-folder.ts';
import type { TlsMaterial } from '../../broker/tls-listener.ts';
import { isDue, newTlsKey, pemOf, SiteCa } from './site-ca.ts';

/** Writes a new CA into the state folder; one that is there is kept. */
export async function makeSiteCa(state: StateFolder, site: string, now: number): Promise<void> {
  const file = keyFile.siteCa(state);
  if (existsSync(file)) return;
  const { key, certificate } = await SiteCa.make(site, now);
  writeDurably(file, privatePem(createPrivateKey(key), keptPassphrase()) + certificate, 0o600);
}

/** The CA of this site; null when it has none, as a site of one host. Throws E_STATE_BROKEN when it can't be read. */
export async function openSiteCa(state: StateFolder): Promise<SiteCa | null> {
  const file = keyFile.siteCa(state);
  if (!existsSync(file)) return null;
  const pem = readFileSync(file, 'utf8');
  const key = privateKeyIn(pem, file);
  try {
    return await SiteCa.open(key, certificateOf(pem));
  } catch (error) {
    throw new StateError('E_STATE_BROKEN', `${file}: ${String(error)}. Restore it from a backup.`);
  }
}

/**
 * The hub's own certificate, for the site's addresses: made anew when it is in its last third, was issued by another
 * CA, or lacks an address. Behind it stands the CA's, since a joining agent knows only the hash of that one.
 */
export async function serverTls(state: StateFolder, site: Site, ca: SiteCa, now: number): Promise<TlsMaterial> {
  const file = keyFile.server(state);
  const addresses = [...new Set([...site.addresses, 'localhost', '127.0.0.1', '::1'])];
  if (!existsSync(file) || !isGood(readFileSync(file, 'utf8'), ca, addresses, now)) {
    const pair = newTlsKey();
    const { pem } = await ca.issueServer(addresses, pair.publicKey, now);
    writeDurably(file, privatePem(pair.privateKey, keptPassphrase()) + pem, 0o600);
  }
  const pem = readFileSync(file, 'utf8');
  const key = pemOf(privateKeyIn(pem, file));
  return { key, cert: certificateOf(pem) + ca.certificate, ca: ca.certificate };
}

function isGood(pem: string, ca: SiteCa, addresses: readonly string[], now: number): boolean {
  try {
    const certificate = new X509Certificate(certificateOf(pem));
    const named = addresses.every((one) => certificate.checkHost(one) ?? certificate.checkIP(one));
    const due = isDue(Date.parse(certificate.validFrom), Date.parse(certificate.validTo), now);
    return named && !due && certificate.verify(new X509Certificate(ca.certificate).publicKey);
  } catch {
    return false;
  }
}

const certificateOf = (pem: string): string => pem.slice(Math.max(0, pem.indexOf('-----BEGIN CERTIFICATE-----')));
