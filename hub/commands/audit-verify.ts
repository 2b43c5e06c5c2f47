import { createPublicKey } from 'node:crypto';
import { createWriteStream, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { readRoster, readSite } from '../../broker/enroll.ts';
import { bytesAsBase64 } from '../../broker/json.ts';
import type { Roster } from '../../broker/messages.ts';
import { hubKeys } from '../../broker/roster.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { verifyApprovals } from '../chain/approvals.ts';
import { type AuditFinding, readAudit, verifyAudit } from '../chain/audit.ts';
import type { Seen } from '../chain/chain-walk.ts';
import { readSeen, seenBy } from '../chain/checkpoint-file.ts';
import { keptCheckpoints } from '../chain/checkpoints.ts';
import { Store } from '../store/store.ts';

export const VERIFY_USAGE = `sentinel audit verify [--state DIR] [--checkpoint FILE ...] [--quick] [--key FILE] [--export FILE] [--json]
  Walks the chain from its first record, holds it against the checkpoints in the store, then checks that each approval in
  it was signed by the operator whom it names, those who have left since among them; exit 1 names the first record that
  is wrong.
  --checkpoint FILE  hold it against what was seen outside the store too: a checkpoint as the mesh has it, the lines that
                     the hub writes elsewhere (audit.yaml), or an agent's trust.json. Without one nobody can tell whether
                     the end was cut off, or the whole store is an older one
  --quick        take the records that the newest signed checkpoint covers without each one's own signature
  --key FILE     check against this public key (PEM) instead of the one on the site's roster: the chain alone
  --export FILE  also write every record as a JSON line, with its hash and signature
  for example: sentinel audit verify --state /var/lib/sentinel-hub --checkpoint /mnt/worm/checkpoints.jsonl`;

/** Whose words count: the site's roster, or one key that somebody has kept. */
interface Trusted {
  readonly keys: readonly Uint8Array[];
  readonly roster: Roster | null;
}

export async function verifyCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      checkpoint: { type: 'string', multiple: true, default: [] },
      quick: { type: 'boolean', default: false },
      key: { type: 'string' },
      export: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    VERIFY_USAGE,
  );
  if (values.help) {
    io.stdout(VERIFY_USAGE);
    return EXIT.done;
  }
  if (positionals.length > 0) throw new UsageError(VERIFY_USAGE);
  const state = stateFolder(values.state);
  const roster = values.key === undefined ? readRoster(state, readSite(state)).roster : null;
  const trusted = { roster, keys: roster === null ? [readPublicKey(values.key ?? '')] : hubKeys(roster) };
  const outside = values.checkpoint.flatMap((file) => readSeen(file, trusted.keys, roster?.site ?? null));
  const store = new Store(state.store, 'read');
  try {
    const { finding, approvals } = verifyAll(store, trusted, outside, values.quick);
    if (values.export !== undefined) await exportAudit(store, values.export);
    const proven = finding.ok ? Math.max(0, ...outside.map(({ count }) => count)) : 0;
    if (values.json) {
      const shown = { ...finding, ...(approvals === null ? {} : { approvals }) };
      io.stdout(JSON.stringify(finding.ok ? { ...shown, seen_outside: proven } : shown));
    } else tell(finding, { approvals: approvals ?? 0, proven, isOutside: outside.length > 0 }, io);
    return finding.ok ? EXIT.done : EXIT.no;
  } finally {
    await store.close();
  }
}

function verifyAll(
  store: Store,
  { roster, keys }: Trusted,
  outside: readonly Seen[],
  isQuick: boolean,
): { readonly finding: AuditFinding; readonly approvals: number | null } {
  const inside = seenInside(store, keys, roster);
  if ('ok' in inside) return { finding: inside, approvals: null };
  const seen = [...inside, ...outside];
  // An agent's memory has no signature: it can't stand for those of the records.
  const signed = seen.filter(({ root }) => root !== null).map(({ count }) => count);
  const chain = verifyAudit(store, keys, { seen, vouched: isQuick ? Math.max(0, ...signed) : 0 });
  if (roster === null || !chain.ok) return { finding: chain, approvals: null };
  const { first, good } = verifyApprovals(store, roster);
  return { finding: first === null ? chain : { ok: false, ...first }, approvals: good };
}

/** The checkpoints in the store; what is found where one of them is none that the hub signed. */
function seenInside(store: Store, keys: readonly Uint8Array[], roster: Roster | null): readonly Seen[] | AuditFinding {
  const seen: Seen[] = [];
  for (const { count, message } of keptCheckpoints(store)) {
    try {
      const one = seenBy(message, keys, roster?.site ?? null);
      if (one.count !== count) throw new Error(`it is of ${one.count} records`);
      seen.push(one);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return {
        ok: false,
        record: count,
        why: `the checkpoint over it in the store is not what the hub signed: ${why}`,
      };
    }
  }
  return seen;
}

function tell(
  finding: AuditFinding,
  {
    approvals,
    proven,
    isOutside,
  }: { readonly approvals: number; readonly proven: number; readonly isOutside: boolean },
  io: Console,
): void {
  if (!finding.ok) {
    io.stdout(`record ${finding.record}: ${finding.why}`);
    return;
  }
  const { count, hash } = finding.head;
  io.stdout(`${count} records, chain and signatures good, head ${hash.slice(0, 16)}`);
  if (approvals > 0) io.stdout(`${approvals} approvals, each signed by the operator whom it names`);
  if (isOutside) io.stdout(`the first ${proven} records are those that were seen outside the store`);
  else
    io.stdout(
      'held against nothing outside the store: that its end was not cut off, and that it is no older store, can’t be proved (--checkpoint FILE)',
    );
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
