import type { readRoster, Site } from '../../broker/enroll.ts';
import { openFormerCheckpoint } from '../../broker/halts.ts';
import { hubKeys } from '../../broker/roster.ts';
import { keptCheckpoints } from '../chain/checkpoints.ts';
import type { Store } from '../store/store.ts';
import type { Vouchers } from './proof-lines.ts';

export class ProofError extends Error {
  readonly code: 'E_PROOF_CHECKPOINT' | 'E_PROOF_CHAIN' | 'E_PROOF_FOLDER';
  constructor(code: ProofError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** What vouches for the chain in this store: the newest checkpoint with a root, and the roster in force. Throws ProofError. */
export function vouchersOf(store: Store, site: Site, { message, roster }: ReturnType<typeof readRoster>): Vouchers {
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
