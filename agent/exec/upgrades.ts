import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { decodeCbor, encodeCbor } from '../../broker/cbor.ts';
import { writeDurably } from '../../broker/durable-file.ts';
import {
  isChunk,
  openRelease,
  peekRelease,
  RELEASE_LIMITS,
  type Release,
  releaseHash,
  sha256,
  unpackRelease,
} from '../../broker/release.ts';
import { bytes, type Infer, int, maybe, record, text } from '../../broker/shape.ts';
import { open, peek } from '../../broker/signed.ts';
import {
  isOrdered,
  openUpgrade,
  type UpgradeAnswer,
  UpgradeError,
  type UpgradeOrder,
  type UpgradeWord,
  upgradeOrder,
  upgradeWord,
} from '../../broker/upgrade-messages.ts';
import { compareVersions, VERSION } from '../../broker/version.ts';
import type { Trust } from '../trust.ts';
import { releaseKeyIn, upgradesOff } from './release-key.ts';
import type { UpgradeState } from './upgrade-state.ts';

/** What says that an agent's bundle is what was installed, beside it. */
const LABEL = 'RELEASE.json';

export interface UpgradesParts {
  readonly state: UpgradeState;
  /** The installed code, which is replaced; null where nothing here may be. */
  readonly bundle: string | null;
  /** The release key's public half, as PEM: who put it there has switched upgrades over the mesh on. */
  readonly releaseKey: string;
  /** The version that runs. */
  readonly version?: string;
  readonly agent: string;
  readonly trust: Trust;
  readonly tags: () => readonly string[];
  /** Throws when others than root could change this path; null where nobody is root. */
  readonly checkPath: ((path: string) => void) | null;
  readonly now: () => number;
  readonly audit: (what: string, data: object) => void;
}

/** An offer as it is kept, until all pieces are here. */
const keptOffer = record({
  id: text(26),
  release: bytes(RELEASE_LIMITS.message),
  order: bytes(4_096),
  signature: bytes(1_024),
  /** Of the last word that offered it. */
  until: maybe(int()),
});
type KeptOffer = Infer<typeof keptOffer>;

/** An offer, as far as it is believed: the release and the admin's order belong together, and to this host. */
interface Offer {
  readonly release: Release;
  readonly order: UpgradeOrder;
}

/**
 * Takes another version of the agent in, for root: piece by piece, each held against what the release key signed, and only
 * by the order of an admin on the roster. What is whole is laid down beside what runs; the guard puts it over.
 */
export class Upgrades {
  private readonly parts: UpgradesParts;
  /** Of the code that was installed when this process began: what it takes itself for. */
  private readonly running: string | null;

  constructor(parts: UpgradesParts) {
    this.parts = parts;
    const { bundle } = parts;
    this.running = bundle !== null && existsSync(bundle) ? sha256(readFileSync(bundle)) : null;
  }

  /** Whether this host takes upgrades at all. */
  get isOn(): boolean {
    return this.parts.bundle !== null && existsSync(this.parts.releaseKey);
  }

  /** A version is being put over or taken back: this process may be ended at any moment. */
  get isUnsettled(): boolean {
    const stand = this.parts.state.stand();
    return stand === 'pending' || stand === 'returning';
  }

  /** Takes one word of the hub's, as it came. Throws UpgradeError, ReleaseError, SignatureError, ShapeError or TrustError. */
  take(message: Uint8Array, live: boolean): UpgradeAnswer {
    const { agent, trust } = this.parts;
    const { roster } = trust;
    const word = upgradeWord(decodeCbor(open('upgrade', message, roster.hub_key)), '');
    if (word.agent !== agent || word.site !== roster.site || word.epoch !== roster.epoch)
      throw new UpgradeError('E_UPGRADE_AGENT', `it is for ${word.agent} of ${word.site}, epoch ${word.epoch}`);
    const ended = this.outcome(word.upgrade);
    if (word.what === 'confirm') return this.confirm(word.upgrade) ?? ended ?? this.unknown();
    if (ended !== null) return ended;
    if (word.what === 'stop') return this.stop(word.upgrade);
    // Signed, and yet perhaps not what the hub says now: a broker can hold back, and bring again.
    if ((word.until ?? 0) <= trust.now(this.parts.now()))
      throw new UpgradeError('E_UPGRADE_EXPIRED', 'this word of the hub is too old to be acted on');
    return word.what === 'offer' ? this.offer(word, live) : this.chunk(word, live);
  }

  /** What became of one that was taken; null for one that is new here. */
  private outcome(id: string): UpgradeAnswer | null {
    const { state } = this.parts;
    if (state.present()?.what.id === id) return { state: 'switching' };
    const entry = state.entry(id);
    if (entry === undefined) return null;
    const { outcome, code = 'E_UPGRADE_UNKNOWN' } = entry;
    if (outcome === 'confirmed') return { state: 'confirmed' };
    // Taken, and nothing is under way: the host went down before it was begun. It is not begun again.
    return { state: 'returned', code };
  }

  private offer({ upgrade: id, release, order, signature, until = 0 }: UpgradeWord, live: boolean): UpgradeAnswer {
    const { state } = this.parts;
    if (release === undefined || order === undefined || signature === undefined)
      throw new UpgradeError('E_UPGRADE_ORDER', 'an offer has a release and a signed order');
    const offer = this.checked(id, { release, order, signature }, live);
    const kept = this.kept();
    // Brought again by whoever kept it, it would take away what is here of the one that followed.
    if (kept !== null && kept.id !== id && (kept.until ?? 0) >= until)
      throw new UpgradeError('E_UPGRADE_EXPIRED', 'another upgrade was offered after this one');
    // An order names its release, and its id is the admin's: what else is there of this id is of this offer.
    if (kept?.id !== id) rmSync(state.at('part'), { force: true });
    writeDurably(state.at('offer'), encodeCbor({ id, release, order, signature, until }), 0o600);
    return this.goOn(id, offer, live);
  }

  private chunk({ upgrade: id, index, bytes }: UpgradeWord, live: boolean): UpgradeAnswer {
    const { state } = this.parts;
    const offer = this.offered(id, live);
    const next = this.piecesHere();
    // Another one than the next says nothing new: sent twice, or behind one that was lost.
    if (index !== next || bytes === undefined) return { state: 'want', next };
    if (!isChunk(offer.release, index, bytes))
      throw new UpgradeError('E_UPGRADE_CHUNK', `piece ${index} is not what the release key signed`);
    const fd = openSync(state.at('part'), 'a', 0o600);
    try {
      writeFileSync(fd, bytes);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    return this.goOn(id, offer, live);
  }

  /** Asks for the next piece, or lays down what is whole. */
  private goOn(id: string, { release }: Offer, live: boolean): UpgradeAnswer {
    const { state } = this.parts;
    const size = sizeOf(state.at('part'));
    if (size < release.packed.size) return { state: 'want', next: this.piecesHere() };
    let code: Uint8Array;
    try {
      code = unpackRelease(release, readFileSync(state.at('part')));
    } catch (error) {
      this.forget();
      throw error;
    }
    // Time has passed since it was offered. Whatever is in the way now, the pieces stay: a halt, for instance, is lifted.
    this.layDown(this.offered(id, live), code);
    this.forget();
    return { state: 'switching' };
  }

  /** No piece is kept of what no piece is awaited for. */
  private forget(): void {
    for (const name of ['part', 'offer'] as const) rmSync(this.parts.state.at(name), { force: true });
  }

  /** The hub brings this one no further: nobody who kept its pieces can. */
  private stop(id: string): UpgradeAnswer {
    const { state, version = VERSION, now, audit } = this.parts;
    const kept = this.kept();
    if (kept?.id !== id) this.unknown();
    const { not_after } = upgradeOrder(decodeCbor(kept.order), '');
    const what = { id, from: version, to: peekRelease(kept.release).version };
    const code = 'E_UPGRADE_STOPPED';
    state.note({ ...what, not_after, outcome: 'returned', code }, now());
    audit('upgrade_stopped', what);
    this.forget();
    return { state: 'returned', code };
  }

  /** Writes what the guard needs, then the word that it acts on: a power cut before that leaves what runs as it is. */
  private layDown({ release, order }: Offer, code: Uint8Array): void {
    const { state, bundle, version = VERSION, now, audit } = this.parts;
    if (bundle === null) throw upgradesOff();
    const before = readFileSync(bundle);
    // By hand, and later perhaps than what is ordered: `version` says nothing of it.
    if (sha256(before) !== this.running)
      throw new UpgradeError('E_UPGRADE_BUSY', 'another version was installed here since the executor has started');
    const label = join(dirname(bundle), LABEL);
    writeDurably(state.at('next.cjs'), code, 0o644);
    writeDurably(state.at('next.json'), release.label, 0o644);
    writeDurably(state.at('before.cjs'), before, 0o644);
    writeDurably(state.at('before.json'), existsSync(label) ? readFileSync(label) : '{}\n', 0o644);
    rmSync(state.at('starts'), { force: true });
    const { id, not_after, within_s, by } = order;
    const what = { id, from: version, to: release.version };
    // Before it begins: what began is not begun again, whatever becomes of it.
    state.note({ ...what, not_after, outcome: 'taken' }, now());
    audit('upgrade_taken', { ...what, by, sha256: release.code.sha256 });
    state.begin({ version: 1, ...what, before: sha256(before), next: release.code.sha256, within_s });
  }

  /** The hub has heard the new version: there is no going back from here. Null when that is not this one's to say. */
  private confirm(id: string): UpgradeAnswer | null {
    const { state, bundle } = this.parts;
    const present = state.present();
    if (present === null || present.what.id !== id || bundle === null) return null;
    // Whoever says so before it was put over is wrong, or lies.
    if (present.stand === 'pending' && sha256(readFileSync(bundle)) !== present.what.next)
      return { state: 'switching' };
    const isConfirmed = present.stand === 'confirmed' || (present.stand === 'pending' && state.decide('confirmed'));
    return { state: isConfirmed ? 'confirmed' : 'switching' };
  }

  private kept(): KeptOffer | null {
    const file = this.parts.state.at('offer');
    if (!existsSync(file)) return null;
    try {
      return keptOffer(decodeCbor(readFileSync(file)), '');
    } catch {
      // Not whole, and of no use: the hub offers it again.
      return null;
    }
  }

  private offered(id: string, live: boolean): Offer {
    const kept = this.kept();
    if (kept?.id !== id) this.unknown();
    return this.checked(id, kept, live);
  }

  /** Everything that is asked of an upgrade, each time: what held when it was offered may not hold any more. */
  private checked(
    id: string,
    { release: message, order: payload, signature }: Record<'release' | 'order' | 'signature', Uint8Array>,
    live: boolean,
  ): Offer {
    const { state, bundle, version = VERSION, agent, trust, tags, checkPath, now } = this.parts;
    if (bundle === null || !this.isOn) throw upgradesOff();
    if (!live) throw new UpgradeError('E_UPGRADE_DRY', 'the executor or the agent is dry run: start both with --live');
    trust.checkHalt();
    for (const path of [bundle, this.parts.releaseKey]) checkPath?.(path);
    const release = openRelease(message, releaseKeyIn(this.parts.releaseKey));
    const { order, admin } = openUpgrade({ payload, signature }, trust.roster, trust.now(now()));
    if (order.id !== id || order.release !== releaseHash(message) || order.version !== release.version)
      throw new UpgradeError('E_UPGRADE_ORDER', 'the admin has signed another upgrade than this');
    if (!isOrdered(order, admin, agent, tags()))
      throw new UpgradeError('E_UPGRADE_WHERE', `the order of ${admin.name} does not reach ${agent}`);
    if (compareVersions(release.version, version) <= 0 && !order.downgrade)
      throw new UpgradeError('E_UPGRADE_OLD', `${release.version} is not later than ${version}, which runs here`);
    const under = state.present();
    if (under !== null) throw new UpgradeError('E_UPGRADE_BUSY', `${under.what.to} is being put over`);
    if (!state.hasRoom(now()))
      throw new UpgradeError('E_UPGRADE_FULL', 'more upgrades were ordered than are remembered');
    return { release, order };
  }

  /** Whole pieces that are here; half of one, as a power cut leaves it, is taken away. */
  private piecesHere(): number {
    const part = this.parts.state.at('part');
    const pieces = Math.floor(sizeOf(part) / RELEASE_LIMITS.chunk);
    if (sizeOf(part) > pieces * RELEASE_LIMITS.chunk) truncateSync(part, pieces * RELEASE_LIMITS.chunk);
    return pieces;
  }

  private unknown(): never {
    throw new UpgradeError('E_UPGRADE_UNKNOWN', 'no such upgrade was offered here');
  }
}

/** Whether a word ends something, and so need not wait for an order that runs: a new version has its deadline. */
export function endsUpgrade(message: Uint8Array): boolean {
  const { what } = upgradeWord(decodeCbor(peek(message)), '');
  return what === 'confirm' || what === 'stop';
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
