import { peekRelease, releaseHash } from '../../broker/release.ts';
import { openUpgrade, type SignedUpgrade, UpgradeError } from '../../broker/upgrade-messages.ts';
import { isNewer, VERSION } from '../../broker/version.ts';
import type { Hub } from '../hub.ts';
import { hostsOf, isUnderWay, type Rollout, readRollout } from './rollout.ts';

/**
 * The rollout of a release, given by its signed description, as the admin `by` has ordered it. Throws UpgradeError,
 * SignatureError, ReleaseError or ShapeError where it may not begin.
 */
export function newRollout(hub: Hub, by: string, message: Uint8Array, signed: SignedUpgrade): Rollout {
  const { store, roster, now } = hub;
  const release = peekRelease(message);
  const { order } = openUpgrade(signed, roster, now());
  if (order.by !== by || order.release !== releaseHash(message) || order.version !== release.version)
    throw new UpgradeError('E_UPGRADE_ORDER', 'what was signed is another upgrade than this, or another person’s');
  if (!hub.live) throw new UpgradeError('E_UPGRADE_DRY', 'this hub is dry run: start it with --live');
  if (isNewer(release.version, VERSION))
    throw new UpgradeError('E_UPGRADE_NEWER', `the hub is ${VERSION}: upgrade it before its agents`);
  const present = readRollout(store);
  if (present !== null && (isUnderWay(present) || present.id === order.id))
    throw new UpgradeError('E_UPGRADE_BUSY', `the upgrade to ${present.version} is ${present.state}`);
  const known = [...hub.site.agents.keys()].flatMap((agent) => {
    const birth = store.births.get(agent);
    return birth === undefined ? [] : [{ agent, tags: birth.host.tags }];
  });
  const hosts = hostsOf(order, known, now());
  if (hosts.length === 0)
    throw new UpgradeError('E_UPGRADE_WHERE', `no host that was heard is in ${order.where.join(', ')}`);
  const { id, version, where, at_once, within_s } = order;
  const { payload, signature } = signed;
  return {
    ...{ id, by, version, release: order.release, where, at_once, within_s, hosts },
    ...{ message, order: payload, signature },
    ...{ begun: now(), ended: null, state: 'running', why: '' },
  };
}
