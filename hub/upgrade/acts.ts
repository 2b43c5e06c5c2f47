import { isChunk, peekRelease, RELEASE_LIMITS, type Release } from '../../broker/release.ts';
import type { Operator } from '../../broker/roster.ts';
import { bytes, type Infer, int, maybe, oneOf, record } from '../../broker/shape.ts';
import { UpgradeError } from '../../broker/upgrade-messages.ts';
import type { Hub } from '../hub.ts';
import { ActError } from '../steps/approve.ts';

/**
 * An upgrade over the local acting socket, in steps on one connection: the release's description, its pieces in order,
 * then the order that an admin has signed.
 */
export const upgradeRequest = record({
  tx: int(1),
  verb: oneOf('upgrade'),
  step: oneOf('release', 'chunk', 'begin', 'stop'),
  /** release: the signed description. chunk: the next piece. begin: the order, with its signature. */
  payload: maybe(bytes(RELEASE_LIMITS.chunk)),
  signature: maybe(bytes(1_024)),
});
export type UpgradeRequest = Infer<typeof upgradeRequest>;
export type UpgradeAct = Omit<UpgradeRequest, 'tx'>;

export const isUpgradeRequest = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'verb' in value && value.verb === 'upgrade';

/** A release of which the pieces come in: one at a time in a hub, since each holds a few megabytes. */
interface Draft {
  readonly by: string;
  readonly message: Uint8Array;
  readonly release: Release;
  readonly chunks: Uint8Array[];
}

/** Takes the steps of admins. A later release takes the place of one that was not begun. */
export class UpgradeDesk {
  #draft: Draft | null = null;

  /** Throws ActError, UpgradeError, ReleaseError, SignatureError or ShapeError. */
  async take(hub: Hub, operator: Operator, { step, payload, signature }: UpgradeRequest): Promise<void> {
    const { upgrades } = hub;
    if (operator.role !== 'admin')
      throw new ActError('E_ACT_ROLE', `${operator.name} is ${operator.role}: an admin may`);
    if (upgrades === undefined) throw new UpgradeError('E_UPGRADE_OFF', 'this hub upgrades nobody');
    if (step === 'stop') return upgrades.halt(hub, operator.name);
    if (payload === undefined) throw new ActError('E_ACT_MISMATCH', 'nothing is in it');
    if (step === 'release') {
      this.#draft = { by: operator.name, message: payload, release: peekRelease(payload), chunks: [] };
      return;
    }
    const draft = this.#draft;
    if (draft === null || draft.by !== operator.name)
      throw new UpgradeError('E_UPGRADE_UNKNOWN', 'another upgrade was brought meanwhile, or none: begin again');
    if (step === 'chunk') {
      if (!isChunk(draft.release, draft.chunks.length, payload))
        throw new UpgradeError('E_UPGRADE_CHUNK', `piece ${draft.chunks.length} is not the release’s`);
      draft.chunks.push(payload);
      return;
    }
    if (draft.chunks.length < draft.release.chunks.length)
      throw new UpgradeError(
        'E_UPGRADE_CHUNK',
        `${draft.chunks.length} of ${draft.release.chunks.length} pieces are here`,
      );
    if (signature === undefined) throw new ActError('E_ACT_MISMATCH', 'an order of an upgrade needs its signature');
    const packed = new Uint8Array(Buffer.concat(draft.chunks));
    await upgrades.begin(hub, operator.name, { message: draft.message, packed }, { payload, signature });
    this.#draft = null;
  }
}
