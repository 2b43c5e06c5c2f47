import type { Disk } from './sense/disks.ts';
import { measureTree, type TreeSizes } from './tree-sizes.ts';

/** A mount is measured ahead of trouble once it is so full: below, nothing is about to fill. */
const WORTH_KNOWING_PERCENT = 60;
/** And so often: a quarter of a second of work in an hour. */
const EVERY_MS = 3_600_000;
/** A look that is compared with must be older: what grew within seconds is in the list of the newest files. */
const LEAST_AGE_MS = 60_000;
/** Trees that are remembered, some 60 kB each. */
const KEPT_TREES = 16;
/** What grew by less is not what fills a disk. */
const LEAST_GROWTH = 1_048_576;

/** A folder or file that became larger since an earlier look. */
export interface Grower {
  readonly path: string;
  /** Bytes. */
  readonly by: number;
  readonly size: number;
  /** Milliseconds between the two looks. */
  readonly within: number;
}

interface Look {
  readonly at: number;
  readonly sizes: TreeSizes;
}

/** Remembers what lay under a mount or folder, so that an alert can say what grew and not only what is large. */
export class Growth {
  readonly #clock: () => number;
  readonly #looks = new Map<string, Look[]>();
  #measuring = false;

  /** `clock` gives monotonic milliseconds. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** Measures the tree now, and says what grew since the oldest look that is remembered. Throws as measureTree does. */
  async measure(root: string): Promise<{ readonly sizes: TreeSizes; readonly growers: readonly Grower[] }> {
    const sizes = await measureTree(root);
    const at = this.#clock();
    const looks = this.#looks.get(root) ?? [];
    const before = looks.find((look) => at - look.at >= LEAST_AGE_MS);
    this.#remember(root, { at, sizes });
    return { sizes, growers: before === undefined ? [] : growersOf(before, { at, sizes }) };
  }

  /** Called at every sample: measures at most one mount that is filling up and was not looked at for an hour. */
  async lookAhead(disks: readonly Disk[]): Promise<void> {
    if (this.#measuring) return;
    const now = this.#clock();
    const due = disks.find(
      ({ path, used, total }) =>
        total > 0 &&
        (100 * used) / total >= WORTH_KNOWING_PERCENT &&
        now - (this.#looks.get(path)?.at(-1)?.at ?? Number.NEGATIVE_INFINITY) >= EVERY_MS,
    );
    if (due === undefined) return;
    this.#measuring = true;
    try {
      this.#remember(due.path, { at: now, sizes: await measureTree(due.path) });
    } catch {
      // Closed to this agent: the alert will say so.
      this.#remember(due.path, { at: now, sizes: NOTHING });
    } finally {
      this.#measuring = false;
    }
  }

  /** The last two looks: one may be of the alert before, a minute ago. */
  #remember(root: string, look: Look): void {
    const looks = [...(this.#looks.get(root) ?? []), look].slice(-2);
    this.#looks.delete(root);
    this.#looks.set(root, looks);
    const [oldest] = this.#looks.keys();
    if (this.#looks.size > KEPT_TREES && oldest !== undefined) this.#looks.delete(oldest);
  }
}

const NOTHING: TreeSizes = { folders: new Map(), files: [], newest: [], used: 0, entries: 0, whole: false };

/**
 * The folders that grew, the deepest that explain it: a folder is left out when one folder below it grew by nearly as much.
 */
function growersOf(before: Look, now: Look): Grower[] {
  const within = now.at - before.at;
  const grown: Grower[] = [];
  for (const [path, size] of now.sizes.folders) {
    const earlier = before.sizes.folders.get(path);
    // A folder that was not there, or was too small to be kept, is new only when the earlier look was whole.
    if (earlier === undefined && !before.sizes.whole) continue;
    const by = size - (earlier ?? 0);
    if (by >= LEAST_GROWTH) grown.push({ path, by, size, within });
  }
  const explained = (one: Grower) =>
    grown.some(
      (other) =>
        other !== one && other.path.startsWith(one.path === '/' ? '/' : `${one.path}/`) && other.by >= 0.8 * one.by,
    );
  return grown.filter((one) => !explained(one)).sort((a, b) => b.by - a.by || (a.path < b.path ? -1 : 1));
}
