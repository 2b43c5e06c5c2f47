import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { syncFolder, writeDurably } from '../../broker/durable-file.ts';
import type { Log } from '../../broker/log.ts';
import { sha256 } from '../../broker/release.ts';
import type { Entry, Switch, UpgradeState } from './upgrade-state.ts';

/** Starts of the guard for one switch: a host that goes down so often with a new version goes back to the old one. */
const STARTS_MAX = 3;
/** How often it is looked whether the hub was heard. */
const LOOK_MS = 500;

export interface GuardParts {
  readonly state: UpgradeState;
  /** The installed code. */
  readonly bundle: string;
  /** Starts the agent and the executor again, so that they run what is installed now. */
  readonly restart: () => Promise<void>;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly audit: (what: string, data: object) => void;
  readonly log: Log;
}

/**
 * Puts a new version over, and the old one back when its hub has not heard the new one in time. It is the old version's own
 * code, in a process of its own, and begins again from any point: after a kill, and after a power cut at the host's start.
 */
export async function guard(parts: GuardParts): Promise<void> {
  const { state } = parts;
  const present = state.present();
  if (present === null) return;
  const { what } = present;
  if (present.stand === 'pending') await watch(parts, what);
  const decided = state.present();
  // Ended in the middle: the next start goes on.
  if (decided === null || decided.stand === 'pending') return;
  if (decided.stand === 'confirmed') return finish(parts, what, { outcome: 'confirmed' });
  finish(parts, what, { outcome: 'returned', code: await goBack(parts, what) });
}

/** Puts the new version over, and waits for the word that it was heard. */
async function watch(parts: GuardParts, what: Switch): Promise<void> {
  const { state, bundle, restart, signal, now, log } = parts;
  const starts = countStart(state);
  const installed = hashOf(bundle);
  const isOurs = installed === what.before || installed === what.next;
  // A host that was off for days, or where the agent was taken off meanwhile, begins nothing that nobody waits for any more.
  const isLate = installed !== what.next && (state.entry(what.id)?.not_after ?? 0) <= now();
  if (starts > STARTS_MAX || !isOurs || isLate || !isWhole(state, what)) {
    log.warn('a new version is given up', { to: what.to, starts, installed, late: isLate });
    state.decide('returning');
    return;
  }
  put(bundle, state, 'next');
  parts.audit('upgrade_switched', { id: what.id, from: what.from, to: what.to });
  log.info('put a new version over', { from: what.from, to: what.to, within_s: what.within_s });
  await restart();
  const until = performance.now() + what.within_s * 1_000;
  while (!signal.aborted && state.present()?.stand === 'pending') {
    if (performance.now() > until) {
      state.decide('returning');
      return;
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}

/** Puts the version before back, where the new one is installed, and answers why. What somebody else has installed stays. */
async function goBack({ state, bundle, restart, log }: GuardParts, what: Switch): Promise<string> {
  const installed = hashOf(bundle);
  if (installed !== what.before && installed !== what.next) return 'E_UPGRADE_REPLACED';
  const isBeforeWhole = hashOf(state.at('before.cjs')) === what.before;
  if (isBeforeWhole) put(bundle, state, 'before');
  log.warn('went back to the version before', { from: what.to, to: what.from, whole: isBeforeWhole });
  // Also where it is back already: a start that was cut short may not have come so far.
  await restart();
  return isWhole(state, what) ? 'E_UPGRADE_UNHEARD' : 'E_UPGRADE_DAMAGED';
}

/** Both versions are here as they were laid down: nothing is put over that could not be put back. */
const isWhole = (state: UpgradeState, what: Switch): boolean =>
  hashOf(state.at('next.cjs')) === what.next && hashOf(state.at('before.cjs')) === what.before;

/** Of nothing where there is no such file. */
function hashOf(file: string): string {
  return sha256(existsSync(file) ? readFileSync(file) : Buffer.alloc(0));
}

function finish({ state, now, audit }: GuardParts, what: Switch, end: Pick<Entry, 'outcome' | 'code'>): void {
  const { id, from, to } = what;
  const not_after = state.entry(id)?.not_after ?? now();
  state.note({ id, from, to, not_after, ...end }, now());
  audit(`upgrade_${end.outcome}`, { id, from, to, ...(end.code === undefined ? {} : { code: end.code }) });
  state.end();
}

function countStart(state: UpgradeState): number {
  let known = 0;
  try {
    known = Number(readFileSync(state.at('starts'), 'utf8')) || 0;
  } catch {
    // The first one.
  }
  writeDurably(state.at('starts'), String(known + 1), 0o600);
  return known + 1;
}

/**
 * Replaces the installed code in one step: whoever starts it finds the one or the other, whole. Its label follows, also when
 * the guard was killed between the two.
 */
function put(bundle: string, state: UpgradeState, which: 'next' | 'before'): void {
  const label = join(dirname(bundle), 'RELEASE.json');
  for (const [file, from] of [
    [bundle, state.at(`${which}.cjs`)],
    [label, state.at(`${which}.json`)],
  ] as const) {
    const content = readFileSync(from);
    if (existsSync(file) && readFileSync(file).equals(content)) continue;
    // Not `.new`: install.sh may be writing that one.
    const draft = `${file}.upgrade`;
    const fd = openSync(draft, 'w', 0o644);
    try {
      writeFileSync(fd, content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    // The unit's mask is for what root keeps to itself; the agent, which is not root, reads this.
    chmodSync(draft, 0o644);
    renameSync(draft, file);
    syncFolder(dirname(file));
  }
}
