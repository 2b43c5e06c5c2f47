import { createPublicKey } from 'node:crypto';
import { createWriteStream, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { readRoster, readSite } from '../../broker/enroll.ts';
import { bytesAsBase64 } from '../../broker/json.ts';
import { hubKeys } from '../../broker/roster.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { verifyApprovals } from '../chain/approvals.ts';
import { type AuditFinding, readAudit, verifyAudit } from '../chain/audit.ts';
import { Store } from '../store/store.ts';

export const AUDIT_USAGE = `sentinel audit verify [--state DIR] [--key FILE] [--export FILE] [--json]
  Walks the chain from its first record, then checks that each approval in it was signed by the operator whom it names,
  those who have left since among them; exit 1 names the first record that is wrong.
  --key FILE     check against this public key (PEM) instead of the one on the site's roster: the chain alone
  --export FILE  also write every record as a JSON line, with its hash and signature
  for example: sentinel audit verify --state /var/lib/sentinel-hub`;

export async function auditCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      key: { type: 'string' },
      export: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    AUDIT_USAGE,
  );
  if (values.help) {
    io.stdout(AUDIT_USAGE);
    return EXIT.done;
  }
  if (positionals[0] !== 'verify') throw new UsageError(AUDIT_USAGE);
  const state = stateFolder(values.state);
  const roster = values.key === undefined ? readRoster(state, readSite(state)).roster : null;
  const keys = roster === null ? [readPublicKey(values.key ?? '')] : hubKeys(roster);
  const store = new Store(state.store, 'read');
  try {
    const chain = verifyAudit(store, keys);
    const approvals = roster === null || !chain.ok ? null : verifyApprovals(store, roster);
    const { first = null, good = 0 } = approvals ?? {};
    const finding: AuditFinding = first === null ? chain : { ok: false, ...first };
    if (values.export !== undefined) await exportAudit(store, values.export);
    if (values.json) io.stdout(JSON.stringify(approvals === null ? finding : { ...finding, approvals: good }));
    else if (finding.ok) {
      io.stdout(`${finding.head.count} records, chain and signatures good, head ${finding.head.hash.slice(0, 16)}`);
      if (good > 0) io.stdout(`${good} approvals, each signed by the operator whom it names`);
    } else io.stdout(`record ${finding.record}: ${finding.why}`);
    return finding.ok ? EXIT.done : EXIT.no;
  } finally {
    await store.close();
  }
}

/** A JSON line a record, bytes as base64: written as it is read, so that a long chain needs no memory. */
async function exportAudit(store: Store, file: string): Promise<void> {
  const lines = function* () {
    for (const { value } of store.audit.getRange({})) {
      const { hash, signature } = value;
      yield `${JSON.stringify({ ...readAudit(value), hash, signature }, bytesAsBase64)}\n`;
    }
  };
  await pipeline(Readable.from(lines()), createWriteStream(file, { mode: 0o640 }));
}

function readPublicKey(file: string): Uint8Array {
  const { x, crv } = createPublicKey(readFileSync(file)).export({ format: 'jwk' });
  if (crv !== 'Ed25519' || x === undefined) throw new UsageError(`${file} does not hold an Ed25519 key`);
  return new Uint8Array(Buffer.from(x, 'base64url'));
}
