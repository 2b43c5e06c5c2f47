import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { keyFile, makeLocalSite, readRoster, readSite } from '../../broker/enroll.ts';
import { readKeyPair } from '../../broker/keys.ts';
import { hubKeys, sealRoster } from '../../broker/roster.ts';
import { prepareFolder, type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { appendAudit, auditHead, verifyAudit } from '../../hub/chain/audit.ts';
import { Store } from '../../hub/store/store.ts';

export const PASSPHRASE = 'four words are enough';
export const SECRET = 'hunter2-in-a-webhook';

/** A hub's state folder with keys, settings, and some records in its chain. */
export async function hubOf(root: string, records = 3): Promise<StateFolder> {
  const state = stateFolder(root);
  prepareFolder(state);
  makeLocalSite(state, 'vm');
  mkdirSync(state.playbooks, { recursive: true });
  writeFileSync(join(state.playbooks, 'own.yaml'), 'id: own\n');
  writeFileSync(join(state.playbooks, 'lock.yaml'), 'id: lock\n');
  writeFileSync(state.notify, `token: ${SECRET}\n`);
  chmodSync(state.notify, 0o600);
  writeFileSync(join(state.root, 'lock'), '{}');
  // Larger than all that a backup takes: it is pulled again.
  mkdirSync(state.models, { recursive: true });
  writeFileSync(join(state.models, 'large.gguf'), Buffer.alloc(9 * 2 ** 20));
  await append(state, records);
  return state;
}

export async function append(state: StateFolder, records: number): Promise<void> {
  const store = new Store(state.store, 'write');
  const key = readKeyPair(keyFile.hub(state));
  await store.write(() => {
    for (let n = 0; n < records; n++)
      appendAudit(store, key, { kind: 'test', incident: null, actor: 'hub', data: { n } }, 1_000 + n);
  });
  await store.close();
}

export async function countOf(state: StateFolder): Promise<number> {
  const store = new Store(state.store, 'read');
  try {
    assert.is(verifyAudit(store, hubKeys(readRoster(state, readSite(state)).roster)).ok, true);
    return auditHead(store).count;
  } finally {
    await store.close();
  }
}

export const coded = (code: string) => (error: Error & { code?: string }) => {
  assert.is(error.code, code, error.message);
  return true;
};

export async function refused(work: Promise<unknown>, code: string): Promise<void> {
  try {
    await work;
  } catch (error) {
    coded(code)(error as Error);
    return;
  }
  assert.unreachable(`not refused with ${code}`);
}

/** The roster of a state folder, signed again by its root with something changed. */
export function signNext(state: StateFolder, change: { readonly versions: number }): void {
  const { roster } = readRoster(state, readSite(state));
  const next = { ...roster, version: roster.version + change.versions };
  writeFileSync(state.roster, sealRoster(next, readKeyPair(keyFile.siteRoot(state))));
}
