import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RuleError } from '../broker/automation-rule.ts';
import { writeDurably } from '../broker/durable-file.ts';
import { type Checkpoint, openCheckpoint, openHalt } from '../broker/halts.ts';
import type { Ack, AuditHead, Roster } from '../broker/messages.ts';
import { openRoster } from '../broker/roster.ts';
import { bool, int, maybe, pattern, record } from '../broker/shape.ts';
import { StateError } from '../broker/state-folder.ts';
import { HubTime } from './hub-time.ts';
import { isRevoked, revocations, withRevoked } from './revocations.ts';

const ZERO = '0'.repeat(64);
const FILE = 'trust.json';
const memory = record({
  roster_version: int(),
  epoch: int(),
  counter: int(),
  hub_time: int(),
  audit: record({ count: int(), hash: pattern(/^[0-9a-f]{64}$/, '64 hex digits') }),
  /** Number of the last halt or lift that was heard, and whether it was a halt. */
  halt_counter: maybe(int()),
  halted: maybe(bool),
  ...revocations,
});
type Memory = ReturnType<typeof memory>;

/** A file that can't be read is not forgotten: without it an old roster or a shortened chain would pass. */
function readMemory(file: string): Memory {
  try {
    return memory(JSON.parse(readFileSync(file, 'utf8')), '');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StateError('E_STATE_BROKEN', `${file}: ${why}. Restore it from a backup.`);
  }
}

/** Whether the site was halted when whoever keeps such a memory in `folder` last heard of it. Throws E_STATE_BROKEN. */
export function wasHalted(folder: string): boolean {
  const file = join(folder, FILE);
  return existsSync(file) && readMemory(file).halted === true;
}

/** Why an agent does not believe its hub any more. */
export class TrustError extends Error {
  readonly code:
    | 'E_ACK_OLD'
    | 'E_AUDIT_ROLLBACK'
    | 'E_EPOCH_OLD'
    | 'E_HALTED'
    | 'E_HALT_OLD'
    | 'E_HUB_TIME'
    | 'E_NO_ROSTER';
  constructor(code: TrustError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * What an agent holds against its hub: the pinned site root, and the highest roster version, epoch, counter, hub time
 * and audit head that it has seen. Kept on disk, since a restart must not make an agent forget.
 */
export class Trust {
  readonly siteRoot: Uint8Array;
  private current: Roster | null = null;
  private readonly file: string;
  private seen: Memory;
  private readonly time: HubTime;
  private readonly wall: () => number;

  constructor(
    folder: string,
    siteRoot: Uint8Array,
    monotonic: () => number = () => performance.now(),
    wall: () => number = Date.now,
  ) {
    this.siteRoot = siteRoot;
    this.file = join(folder, FILE);
    this.wall = wall;
    this.seen = existsSync(this.file)
      ? readMemory(this.file)
      : { roster_version: 0, epoch: 0, counter: 0, hub_time: 0, audit: { count: 0, hash: ZERO } };
    this.time = new HubTime(this.seen.hub_time, wall, monotonic);
  }

  /** The roster in force; throws E_NO_ROSTER before the first one was heard. */
  get roster(): Roster {
    if (this.current === null) throw new TrustError('E_NO_ROSTER', 'no roster was heard yet');
    return this.current;
  }

  get hasRoster(): boolean {
    return this.current !== null;
  }

  /**
   * Takes a roster that the site root signed; throws on an older one. With a new epoch another hub has taken over: it
   * counts from the start, on the audit chain that its backup had, and the root has vouched for that.
   */
  learnRoster(message: Uint8Array): void {
    const roster = openRoster(message, this.siteRoot, this.seen.roster_version);
    if (roster.epoch < this.seen.epoch) throw new TrustError('E_EPOCH_OLD', `epoch ${roster.epoch} is over`);
    const takenOver = this.seen.epoch > 0 && roster.epoch > this.seen.epoch;
    this.current = roster;
    this.remember({
      roster_version: roster.version,
      epoch: roster.epoch,
      ...(takenOver ? { counter: 0, halt_counter: 0, audit: { count: 0, hash: ZERO } } : {}),
    });
  }

  /**
   * Takes what a verified ack says of time and of the audit chain; throws when it goes back. Answers why its time is not
   * believed (E_HUB_TIME), or null: the rest of it counts all the same.
   */
  learnAck(ack: Ack): TrustError | null {
    if ((ack.epoch ?? this.seen.epoch) !== this.seen.epoch)
      throw new TrustError('E_EPOCH_OLD', `an ack of epoch ${ack.epoch}, the present one is ${this.seen.epoch}`);
    if (ack.counter <= this.seen.counter) throw new TrustError('E_ACK_OLD', `ack ${ack.counter} was heard before`);
    const audit = this.newerHead(ack.audit_head);
    const doubt = this.learnTime(ack.now, true);
    this.remember({ counter: ack.counter, hub_time: this.time.believed, audit });
    return doubt;
  }

  private learnTime(now: number, fresh: boolean): TrustError | null {
    const why = this.time.hear(now, fresh);
    return why === null ? null : new TrustError('E_HUB_TIME', why);
  }

  /**
   * Takes a halt, or a lift that an admin signed, and answers whether the site is halted now. On the disk when it returns.
   * Throws on one that is older than what was heard before.
   */
  learnHalt(message: Uint8Array): boolean {
    const { counter, halted } = openHalt(message, this.roster);
    const seen = this.seen.halt_counter ?? 0;
    if (counter < seen) throw new TrustError('E_HALT_OLD', `halt ${counter} was followed by ${seen}`);
    this.remember({ halt_counter: counter, halted });
    return halted;
  }

  /** Throws E_HALTED while the site is halted. */
  checkHalt(): void {
    if (this.seen.halted === true)
      throw new TrustError('E_HALTED', 'the site is halted: an admin lifts it with `sentinel halt --lift`');
  }

  /**
   * Holds a checkpoint against what was seen. One that was made before the hub's time as it is known here is an old word
   * that a broker kept, and says nothing; a later one that is lower is a chain that was cut: E_AUDIT_ROLLBACK. `doubt` is
   * as learnAck answers it: of one whose time is not believed what it revokes counts, and nothing else.
   */
  learnCheckpoint(message: Uint8Array): { readonly checkpoint: Checkpoint; readonly doubt: TrustError | null } {
    const checkpoint = this.learnRevoked(message);
    const { now, audit_head } = checkpoint;
    if (now <= this.time.believed) return { checkpoint, doubt: null };
    const audit = this.newerHead(audit_head);
    const doubt = this.learnTime(now, false);
    if (doubt === null) this.remember({ audit, hub_time: this.time.believed });
    return { checkpoint, doubt };
  }

  /** Takes from a checkpoint what is remembered no more, and nothing else: that stays so, whenever it was said. */
  learnRevoked(message: Uint8Array): Checkpoint {
    const checkpoint = openCheckpoint(message, this.roster);
    this.remember(withRevoked(this.seen, checkpoint.revoked ?? [], this.now(this.wall())));
    return checkpoint;
  }

  /** Throws RuleError for an approval that was remembered and is not any more. */
  checkRemembered(id: string): void {
    if (isRevoked(this.seen, id)) throw new RuleError('E_RULE_REVOKED', 'what was approved is remembered no more');
  }

  /** Witnesses the audit chain: throws E_AUDIT_ROLLBACK when it is shorter than before, or another at this length. */
  witness(head: AuditHead): void {
    this.remember({ audit: this.newerHead(head) });
  }

  /** The later of this host's clock and the hub's signed time, as far as it is believed, plus what has passed since. */
  now(clock: number): number {
    return Math.max(clock, this.time.reached);
  }

  /** Whether this host's clock can't be right: then the hub's time is the only one. */
  isClockWrong(clock: number): boolean {
    return this.time.isWrong(clock);
  }

  private newerHead(head: AuditHead): AuditHead {
    const { audit } = this.seen;
    if (head.count < audit.count || (head.count === audit.count && head.hash !== audit.hash)) {
      throw new TrustError('E_AUDIT_ROLLBACK', `the hub's audit chain is at ${head.count}, it was at ${audit.count}`);
    }
    return head;
  }

  private remember(change: Partial<Memory>): void {
    const next = { ...this.seen, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.seen)) return;
    this.seen = next;
    writeDurably(this.file, JSON.stringify(next));
  }
}
