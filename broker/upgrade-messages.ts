import { decodeCbor, encodeCbor } from './cbor.ts';
import type { Roster } from './messages.ts';
import { RELEASE_LIMITS } from './release.ts';
import type { Operator } from './roster.ts';
import { covers, PLACE } from './scopes.ts';
import { bool, bytes, type Infer, int, list, maybe, oneOf, pattern, record, text } from './shape.ts';
import { SignatureError } from './signed.ts';
import { NAMESPACES, type Namespace, sshVerify } from './sshsig.ts';
import { ID } from './topics.ts';
import { PLAIN_VERSION } from './version.ts';

/** How far an upgrade over the mesh may reach; see docs/upgrade.md. */
export const UPGRADE_LIMITS = {
  /** Groups in one rollout. */
  where: 32,
  /** Hosts that are upgraded at the same time. */
  at_once: 64,
  /** An admin's signature counts so long: a fleet on thin links takes days, and what lies about for longer is stale. */
  lasts_ms: 7 * 24 * 3_600_000,
  /** One word of the hub's counts so long: what a broker has held back for longer is not what the hub says now. */
  word_ms: 15 * 60_000,
  /** Seconds in which the hub must have heard the new version: enough for a slow start and a link that was cut. */
  within_s: { least: 10, usual: 600, most: 3_600 },
} as const;

const id = pattern(ID, 'an id: a-z, 0-9 and dashes, at most 48');
const ulid = pattern(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'a ULID');

/** What an admin signs (SSHSIG, namespace `sentinel-upgrade`): which release, where, and how carefully. */
export const upgradeOrder = record({
  id: ulid,
  site: id,
  /** SHA-256 of the release's signed description. */
  release: pattern(/^[0-9a-f]{64}$/, '64 hex digits'),
  version: pattern(PLAIN_VERSION, 'a version: three numbers'),
  /** Groups of hosts, in the order in which they are upgraded: `host:ID` or `tag:TAG`. */
  where: list(pattern(PLACE, 'host:ID or tag:TAG'), UPGRADE_LIMITS.where),
  at_once: int(1, UPGRADE_LIMITS.at_once),
  within_s: int(UPGRADE_LIMITS.within_s.least, UPGRADE_LIMITS.within_s.most),
  /** Consents to a version that is not later than the one that runs. */
  downgrade: bool,
  by: text(128),
  not_after: int(0, 8_640_000_000_000_000),
});
export type UpgradeOrder = Infer<typeof upgradeOrder>;

/** The hub's words to one agent, where orders are sent. Nobody believes the hub for what is in them. */
export const upgradeWord = record({
  agent: id,
  site: id,
  epoch: int(1),
  /** The id of the admin's order. */
  upgrade: ulid,
  what: oneOf('offer', 'chunk', 'confirm', 'stop'),
  /** Until when this word counts, in the hub's time. A confirmation counts for as long as there is something to confirm. */
  until: maybe(int(0, 8_640_000_000_000_000)),
  /** offer: the release's signed description, and what the admin signed. */
  release: maybe(bytes(RELEASE_LIMITS.message)),
  order: maybe(bytes(4_096)),
  signature: maybe(bytes(1_024)),
  /** chunk: which piece, from 0, and its bytes. */
  index: maybe(int(0, RELEASE_LIMITS.chunks - 1)),
  bytes: maybe(bytes(RELEASE_LIMITS.chunk)),
});
export type UpgradeWord = Infer<typeof upgradeWord>;

export const UPGRADE_STATES = ['want', 'switching', 'confirmed', 'returned', 'refused'] as const;

/** What an executor says of one upgrade. */
export const upgradeAnswer = record({
  state: oneOf(...UPGRADE_STATES),
  /** want: the first piece that is not here. */
  next: maybe(int(0, RELEASE_LIMITS.chunks)),
  /** returned, refused: why. */
  code: maybe(text(64)),
  message: maybe(text(240)),
});
export type UpgradeAnswer = Infer<typeof upgradeAnswer>;

/** Signed by the agent, sent where results are. Not kept by it: what is lost is asked for again. */
export const upgradeReport = record({
  agent: id,
  boot: pattern(/^[0-9a-f]{16}$/, '16 hex digits'),
  upgrade: ulid,
  state: oneOf(...UPGRADE_STATES),
  next: maybe(int(0, RELEASE_LIMITS.chunks)),
  code: maybe(text(64)),
  message: maybe(text(240)),
});
export type UpgradeReport = Infer<typeof upgradeReport>;

/** Why an upgrade is not taken, not begun, or came back. */
export class UpgradeError extends Error {
  readonly code:
    | 'E_UPGRADE_OFF'
    | 'E_UPGRADE_DRY'
    | 'E_UPGRADE_READONLY'
    | 'E_UPGRADE_AGENT'
    | 'E_UPGRADE_ORDER'
    | 'E_UPGRADE_WHERE'
    | 'E_UPGRADE_EXPIRED'
    | 'E_UPGRADE_OLD'
    | 'E_UPGRADE_NEWER'
    | 'E_UPGRADE_BUSY'
    | 'E_UPGRADE_CHUNK'
    | 'E_UPGRADE_UNKNOWN'
    | 'E_UPGRADE_FULL'
    | 'E_UPGRADE_FLOOD'
    | 'E_UPGRADE_EXEC'
    | 'E_UPGRADE_FILE';
  constructor(code: UpgradeError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export interface SignedUpgrade {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** Signs with an operator's key, wherever that is: `sign` makes the SSHSIG blob. */
export async function signUpgrade(
  order: UpgradeOrder,
  sign: (message: Uint8Array, namespace: Namespace) => Promise<Uint8Array>,
): Promise<SignedUpgrade> {
  const payload = encodeCbor(order);
  return { payload, signature: await sign(payload, NAMESPACES.upgrade) };
}

/**
 * What an admin who is on the roster now has signed for this site, and who that is. Throws SignatureError, ShapeError, or
 * UpgradeError when its time is over or is longer than any may be.
 */
export function openUpgrade(
  { payload, signature }: SignedUpgrade,
  roster: Roster,
  now: number,
): { readonly order: UpgradeOrder; readonly admin: Operator } {
  const order = upgradeOrder(decodeCbor(payload), '');
  const admin = roster.operators.find(({ name, role }) => name === order.by && role === 'admin');
  if (admin === undefined || order.site !== roster.site)
    throw new SignatureError(`${order.by} is no admin of ${order.site} who could order an upgrade`);
  sshVerify(payload, signature, NAMESPACES.upgrade, admin.key, admin.sk);
  if (order.not_after <= now || order.not_after > now + UPGRADE_LIMITS.lasts_ms + 60_000)
    throw new UpgradeError('E_UPGRADE_EXPIRED', 'the order is over, or counts for longer than seven days');
  return { order, admin };
}

/** Whether a host is one that the order names, and one that is this admin's to act on. */
export const isOrdered = (
  { where }: Pick<UpgradeOrder, 'where'>,
  admin: Pick<Operator, 'scopes'>,
  host: string,
  tags: readonly string[] | null,
): boolean => where.length > 0 && covers({ scopes: where }, host, tags) && covers(admin, host, tags);

/** The word of a message that a hub's order key signed, by what it says of itself; whether it did is looked at elsewhere. */
export const isUpgradePayload = (payload: unknown): boolean =>
  typeof payload === 'object' && payload !== null && 'upgrade' in payload;
