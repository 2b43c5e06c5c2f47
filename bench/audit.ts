import { createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type KeyPair, newKeyPair } from '../broker/keys.ts';
import { type AuditEntry, appendAudit, auditHead, readAudit, verifyAudit } from '../hub/chain/audit.ts';
import { GrowingTree } from '../hub/chain/merkle.ts';
import type { Incident } from '../hub/incident.ts';
import { putIncident } from '../hub/store/incidents.ts';
import { Store } from '../hub/store/store.ts';
import { kill, Site } from '../test/e2e/site.ts';
import { type Emit, percentile } from './row.ts';

const RECORDS = 20_000;
/** Records written in one transaction. */
const BATCH = 500;
/** Both sides take turns, and the middle of their ratios counts: the machine has other work. */
const ROUNDS = 7;
const COMMITS = 400;
const AIMS = { ratio: 0.85, chainPerSecond: 100_000, appendPercent: 10 } as const;

/** Milliseconds of this process's own time: what else the machine does takes no part in it. */
function cpuMs(act: () => void): number {
  const before = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

const middle = (values: readonly number[]): number => percentile(values, 0.5);

/** What verifying the chain costs beside its signatures, what the chain costs without them, and what a record costs an incident. */
export async function auditBench(emit: Emit): Promise<boolean> {
  const { entries, incident } = await recorded();
  const folder = mkdtempSync(join('/var/tmp', 'sentinel-bench-'));
  const store = new Store(folder, 'write');
  const key = newKeyPair();
  const row = (metric: string, value: number, unit: string, more: { baseline?: string; ratio?: number } = {}) =>
    emit({ bench: 'audit', metric, value, unit, ...more });
  try {
    const bytes = await fill(store, key, entries);
    row('record_bytes', bytes / RECORDS, 'B');
    const speed = verifying(store, key);
    row('bare_ed25519_per_s', speed.bare, '1/s');
    row('verify_records_per_s', speed.verified, '1/s', { baseline: 'bare_ed25519', ratio: speed.ratio });
    row('verify_ratio_vs_bare_ed25519', speed.ratio, '1');
    row('chain_records_per_s', speed.chained, '1/s');
    const { share, median } = await appending(store, key, incident, entries);
    row('incident_commit_ms', median, 'ms');
    row('append_percent', share, '%');
    return speed.ratio >= AIMS.ratio && speed.chained >= AIMS.chainPerSecond && share <= AIMS.appendPercent;
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A real incident and what stands in the chain about it. */
async function recorded(): Promise<{ readonly entries: readonly AuditEntry[]; readonly incident: Incident }> {
  const site = new Site();
  try {
    await site.startHub();
    await site.startAgent();
    site.fill();
    const { id } = await site.reaches('proposed');
    await site.sentinel('incident', 'approve', id, '--reviewed', 'all', '--yes');
    const incident = await site.reaches('escalated');
    for (const child of [site.watcher, site.hub]) if (child !== null) await kill(child, 'SIGTERM');
    await site.leaveStore();
    const store = new Store(site.state.store, 'read');
    const all = [...store.audit.getRange({})].map(({ value }) => readAudit(value));
    await store.close();
    const entries = all
      .filter((one) => one.incident === id)
      .map(({ kind, incident: of, actor, data }) => ({ kind, incident: of, actor, data }));
    return { entries, incident };
  } finally {
    await site.close();
  }
}

async function fill(store: Store, key: KeyPair, entries: readonly AuditEntry[]): Promise<number> {
  let bytes = 0;
  for (let done = 0; done < RECORDS; done += BATCH) {
    process.stderr.write(`\r${done} of ${RECORDS} records `);
    await store.write(() => {
      for (let i = done; i < done + BATCH; i++) append(store, key, entries, i);
    });
  }
  for (const { value } of store.audit.getRange({})) bytes += value.body.length;
  process.stderr.write('\n');
  return bytes;
}

function append(store: Store, key: KeyPair, entries: readonly AuditEntry[], i: number): void {
  const entry = entries[i % entries.length];
  if (entry !== undefined) appendAudit(store, key, entry, 1_700_000_000_000 + i);
}

/** Records a second of one core: with signatures, as bare signatures, and the chain and its tree alone. */
function verifying(store: Store, key: KeyPair) {
  const digests = [...store.audit.getRange({})].map(({ value }) => ({
    digest: Buffer.from(value.hash, 'hex'),
    signature: new Uint8Array(value.signature),
  }));
  const tree = new GrowingTree();
  for (const { digest } of digests) tree.add(digest);
  const seen = [{ ...auditHead(store), root: tree.root(), by: 'the bench' }];
  const good = (how: Parameters<typeof verifyAudit>[2]) => {
    if (!verifyAudit(store, [key.public], how).ok) throw new Error('the bench’s own chain does not verify');
  };
  const bareKey = createPublicKey(key.secret);
  const rounds = Array.from({ length: ROUNDS }, (_, n) => {
    process.stderr.write(`\rround ${n + 1} of ${ROUNDS} `);
    const bare = cpuMs(() => {
      for (const { digest, signature } of digests)
        if (!verify(null, digest, bareKey, signature)) throw new Error('a signature of the bench is not good');
    });
    const verified = cpuMs(() => good({ seen }));
    const chained = cpuMs(() => good({ seen, vouched: RECORDS }));
    return { bare, verified, chained };
  });
  process.stderr.write('\n');
  const perSecond = (name: keyof (typeof rounds)[number]) =>
    RECORDS / (middle(rounds.map((round) => round[name])) / 1_000);
  return {
    bare: perSecond('bare'),
    verified: perSecond('verified'),
    chained: perSecond('chained'),
    ratio: middle(rounds.map(({ bare, verified }) => bare / verified)),
  };
}

/** How much of a transaction that writes an incident is its record: encoded, hashed, signed and put; until it is on the disk. */
async function appending(store: Store, key: KeyPair, incident: Incident, entries: readonly AuditEntry[]) {
  const commits: number[] = [];
  const appends: number[] = [];
  for (let i = 0; i < COMMITS; i++) {
    const began = performance.now();
    await store.write(() => {
      putIncident(store, { ...incident, updated: incident.updated + i });
      const from = performance.now();
      append(store, key, entries, i);
      appends.push(performance.now() - from);
    });
    commits.push(performance.now() - began);
  }
  const sum = (values: readonly number[]) => values.reduce((all, one) => all + one, 0);
  return { share: (100 * sum(appends)) / sum(commits), median: middle(commits) };
}
