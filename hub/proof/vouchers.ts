import type { readRoster, Site } from '../../broker/enroll.ts';
import { openFormerCheckpoint } from '../../broker/halts.ts';
import { hubKeys } from '../../broker/roster.ts';
import { verifyApprovals } from '../chain/approvals.ts';
import { verifyAudit } from '../chain/audit.ts';
import { seenBy } from '../chain/checkpoint-file.ts';
import { keptCheckpoints } from '../chain/checkpoints.ts';
import type { Store } from '../store/store.ts';
import type { Vouchers } from './proof-lines.ts';

export class ProofError extends Error {
  readonly code: 'E_PROOF_CHECKPOINT' | 'E_PROOF_CHAIN' | 'E_PROOF_FOLDER' | 'E_PROOF_INCIDENT';
  constructor(code: ProofError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** What vouches for the chain in this store: the newest checkpoint with a root, and the roster in force. Throws ProofError. */
function vouchersOf(store: Store, site: Site, { message, roster }: ReturnType<typeof readRoster>): Vouchers {
  for (const { message: checkpoint } of [...keptCheckpoints(store)].reverse()) {
    const said = openFormerCheckpoint(checkpoint, hubKeys(roster));
    if (said.root === undefined) continue;
    return { root: site.root, roster: message, checkpoint: { message: checkpoint, said } };
  }
  throw new ProofError(
    'E_PROOF_CHECKPOINT',
    'no checkpoint of this chain is in the store yet: a running hub makes one each minute, and one when it ends',
  );
}

/** The same, of a chain that was verified with it from its first record, approvals included. Throws ProofError. */
export function verifiedVouchers(store: Store, site: Site, signed: ReturnType<typeof readRoster>): Vouchers {
  const vouchers = vouchersOf(store, site, signed);
  const keys = hubKeys(signed.roster);
  const chain = verifyAudit(store, keys, { seen: [seenBy(vouchers.checkpoint.message, keys, site.name)] });
  if (!chain.ok) throw new ProofError('E_PROOF_CHAIN', `audit record ${chain.record}: ${chain.why}`);
  const { first } = verifyApprovals(store, signed.roster);
  if (first !== null) throw new ProofError('E_PROOF_CHAIN', `audit record ${first.record}: ${first.why}`);
  return vouchers;
}
