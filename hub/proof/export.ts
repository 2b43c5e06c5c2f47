import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { encodeCbor } from '../../broker/cbor.ts';
import { syncFolder, writeDurably } from '../../broker/durable-file.ts';
import type { KeyPair } from '../../broker/keys.ts';
import type { Roster } from '../../broker/messages.ts';
import { seal } from '../../broker/signed.ts';
import { VERSION } from '../../broker/version.ts';
import { readAudit } from '../chain/audit.ts';
import { htmlOf } from '../report/html.ts';
import { markdownOf } from '../report/markdown.ts';
import type { Store } from '../store/store.ts';
import type { Standard } from './controls.ts';
import { evidenceReport, isOfSite, type Told } from './evidence-report.ts';
import { proofLines, type Vouchers } from './proof-lines.ts';
import { recordsAbout } from './records-about.ts';
import { ProofError } from './vouchers.ts';

/** The program that checks a bundle: it lies beside this file, needs nothing, and goes into each bundle as it is. */
const VERIFIER = fileURLToPath(new URL('./verify.mjs', import.meta.url));

/** What a bundle is made of. */
export interface Wanted {
  readonly standard: Standard;
  /** Null: the whole chain. */
  readonly incident: string | null;
  /** A folder that is not there yet. */
  readonly out: string;
  readonly now: number;
}

/** What it is made from; the chain is taken as verified. */
export interface Evidence {
  readonly store: Store;
  readonly vouchers: Vouchers;
  readonly roster: Roster;
  /** The hub's order key, which signs what the bundle holds. */
  readonly key: KeyPair;
}

/**
 * Writes a bundle of evidence that needs nothing beside itself: the records with their proofs, a report for people, the verifier,
 * and a manifest over all of it that the hub signs. A folder of the wanted name is always a whole one. Throws ProofError.
 */
export async function exportEvidence(
  evidence: Evidence,
  wanted: Wanted,
): Promise<{ readonly files: readonly string[] }> {
  const { store, vouchers, roster, key } = evidence;
  const { standard, incident, out, now } = wanted;
  if (statSync(out, { throwIfNoEntry: false }) !== undefined)
    throw new ProofError('E_PROOF_FOLDER', `${out} is there already: name a new folder`);
  const chosen = incident === null ? ('all' as const) : chosenFor(store, incident);
  const draft = `${out}.part`;
  mkdirSync(draft, { mode: 0o750 });
  try {
    await pipeline(
      Readable.from(proofLines(store, vouchers, chosen)),
      createWriteStream(join(draft, 'proof.jsonl'), { mode: 0o640, flush: true }),
    );
    const { checkpoint, root } = vouchers;
    const about = { site: roster.site, standard, incident, made: now, root, roster, checkpoint: checkpoint.said };
    const blocks = evidenceReport({ ...about, records: told(store, chosen) });
    writeDurably(join(draft, 'report.md'), markdownOf(blocks));
    writeDurably(join(draft, 'report.html'), htmlOf(blocks));
    writeDurably(join(draft, 'verify.mjs'), readFileSync(VERIFIER));
    const files = ['proof.jsonl', 'report.html', 'report.md', 'verify.mjs'];
    const manifest = {
      version: 1,
      by: VERSION,
      site: roster.site,
      made: now,
      standard,
      incident,
      files: await Promise.all(files.map(async (name) => ({ name, sha256: await sha256(join(draft, name)) }))),
    };
    writeDurably(join(draft, 'manifest.cbor'), seal('evidence', encodeCbor(manifest), key));
    renameSync(draft, out);
    syncFolder(dirname(out));
    return { files: [...files, 'manifest.cbor'] };
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
}

/** An incident's records, and those that say who could decide and by which policy. */
function chosenFor(store: Store, incident: string): ReadonlySet<number> {
  const about = recordsAbout(store, incident);
  if (about.size === 0) throw new ProofError('E_PROOF_INCIDENT', `the chain has no record of an incident ${incident}`);
  const chosen = new Set(about);
  for (const { key, value } of store.audit.getRange({})) {
    const record = readAudit(value);
    if (record.incident === null && isOfSite(record)) chosen.add(key);
  }
  return chosen;
}

function* told(store: Store, chosen: ReadonlySet<number> | 'all'): Generator<Told> {
  for (const { key, value } of store.audit.getRange({})) {
    if (chosen === 'all' || chosen.has(key)) yield readAudit(value);
  }
}

async function sha256(file: string): Promise<Uint8Array> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(file)) digest.update(chunk as Buffer);
  return new Uint8Array(digest.digest());
}
