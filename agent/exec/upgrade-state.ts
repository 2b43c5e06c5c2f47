import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { syncFolder, writeDurably } from '../../broker/durable-file.ts';
import { type Infer, int, list, maybe, oneOf, pattern, record, text } from '../../broker/shape.ts';
import { StateError, type StateFolder } from '../../broker/state-folder.ts';
import { PLAIN_VERSION } from '../../broker/version.ts';

/** Upgrades that are remembered: all whose order could still be shown again, and the last ones for people. */
const LEDGER_MAX = 256;
const LEDGER_KEPT = 16;

const ulid = pattern(/^[0-9A-HJKMNP-TV-Z]{26}$/, 'a ULID');
const sum = pattern(/^[0-9a-f]{64}$/, '64 hex digits');
const version = pattern(PLAIN_VERSION, 'a version: three numbers');

/** Where an executor keeps what it knows of upgrades. */
export const upgradeFolder = (state: StateFolder): string => join(state.root, 'exec', 'upgrade');

/** A version that is being put over: what from, what to, and until when the hub must have heard it. */
export const switchShape = record({
  version: int(1, 1),
  id: ulid,
  from: version,
  to: version,
  /** Of the code that runs, to be gone back to, and of the code that comes. */
  before: sum,
  next: sum,
  within_s: int(1, 86_400),
});
export type Switch = Infer<typeof switchShape>;

const ledgerShape = record({
  version: int(1, 1),
  upgrades: list(
    record({
      id: ulid,
      from: version,
      to: version,
      not_after: int(),
      /** `taken` until it is known how it ended. */
      outcome: oneOf('taken', 'confirmed', 'returned'),
      code: maybe(text(64)),
    }),
    LEDGER_MAX,
  ),
});
export type Entry = Infer<typeof ledgerShape>['upgrades'][number];

/** Where a switch stands: its one file has the name of that, and is renamed, so that of two who decide one does. */
export type Stand = 'pending' | 'confirmed' | 'returning';
const STANDS: readonly Stand[] = ['pending', 'confirmed', 'returning'];

/**
 * What an executor keeps of upgrades, in a folder of root's. The executor writes what is to come, then one file in `now/`;
 * from then on the guard acts on that, and takes it away in the end.
 */
export class UpgradeState {
  readonly folder: string;
  private readonly now: string;

  constructor(folder: string) {
    this.folder = folder;
    this.now = join(folder, 'now');
    mkdirSync(this.now, { recursive: true, mode: 0o700 });
  }

  /** A file of the folder: the offer, the pieces, and the code before and after with their labels. */
  at(name: 'offer' | 'part' | 'next.cjs' | 'next.json' | 'before.cjs' | 'before.json' | 'starts'): string {
    return join(this.folder, name);
  }

  /** Where a switch stands; null when none is under way. */
  stand(): Stand | null {
    return STANDS.find((one) => existsSync(join(this.now, one))) ?? null;
  }

  /** The switch that is under way, and where it stands; null when none is. Throws E_STATE_BROKEN. */
  present(): { readonly stand: Stand; readonly what: Switch } | null {
    const stand = this.stand();
    if (stand === null) return null;
    const what = read(join(this.now, stand), switchShape);
    return what === null ? this.present() : { stand, what };
  }

  /** Begins a switch: the last thing that is written of it. */
  begin(what: Switch): void {
    // A draft must never be taken for a switch: it is written outside of the folder that is watched.
    const draft = join(this.folder, 'switch');
    writeDurably(draft, JSON.stringify(what), 0o600);
    renameSync(draft, join(this.now, 'pending'));
    syncFolder(this.now);
  }

  /** Decides how a pending switch goes on; false when that was decided already. */
  decide(stand: 'confirmed' | 'returning'): boolean {
    try {
      renameSync(join(this.now, 'pending'), join(this.now, stand));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
      throw error;
    }
    syncFolder(this.now);
    return true;
  }

  /** Puts what can't be read out of the way, to be looked at: nothing is under way any more. */
  setAside(): void {
    for (const name of readdirSync(this.now)) renameSync(join(this.now, name), join(this.folder, 'damaged'));
    syncFolder(this.folder);
    syncFolder(this.now);
  }

  /** Takes away what was decided: nothing is under way any more. */
  end(): void {
    for (const name of readdirSync(this.now)) rmSync(join(this.now, name));
    syncFolder(this.now);
  }

  entry(id: string): Entry | undefined {
    return this.ledger().find((one) => one.id === id);
  }

  /** Whether one more can be remembered; what can't be remembered is not begun. */
  hasRoom(now: number): boolean {
    return kept(this.ledger(), now).length < LEDGER_MAX;
  }

  /** Remembers an upgrade, or how it ended. */
  note(entry: Entry, now: number): void {
    const others = this.ledger().filter(({ id }) => id !== entry.id);
    const upgrades = [...kept(others, now), entry];
    writeDurably(join(this.folder, 'ledger'), JSON.stringify({ version: 1, upgrades }), 0o600);
  }

  private ledger(): readonly Entry[] {
    return read(join(this.folder, 'ledger'), ledgerShape)?.upgrades ?? [];
  }
}

/** Whose order could still be shown again, and the last ones besides. */
const kept = (entries: readonly Entry[], now: number): readonly Entry[] =>
  entries.filter(({ not_after }, i) => not_after > now || i >= entries.length - LEDGER_KEPT);

/** Null when there is no such file. What can't be read is not taken for nothing: it says what must not be done again. */
function read<T>(file: string, shape: (value: unknown, path: string) => T): T | null {
  try {
    return shape(JSON.parse(readFileSync(file, 'utf8')), '');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    const why = error instanceof Error ? error.message : String(error);
    throw new StateError('E_STATE_BROKEN', `${file}: ${why}. No upgrade is taken until it is removed.`);
  }
}
