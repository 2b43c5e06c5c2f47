import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeDurably } from '../../broker/durable-file.ts';
import type { Log } from '../../broker/log.ts';
import { StateError } from '../../broker/state-folder.ts';
import { dropSpare, hashBefore, hashOf, keepSpare, put } from './installed-code.ts';
import type { Entry, Switch, UpgradeState } from './upgrade-state.ts';

/** Starts of the guard for one switch: a host that goes down so often with a new version goes back to the old one. */
const STARTS_MAX = 3;
/** How often it is looked whether the hub was heard. */
const LOOK_MS = 500;
/** How often it is tried to note the end, on a disk that takes nothing. */
const NOTE_AGAIN_MS = 30_000;

export interface GuardParts {
  readonly state: UpgradeState;
  /** The installed code. */
  readonly bundle: string;
  /** Starts the agent and the executor again, so that they run what is installed now. */
  readonly restart: () => Promise<void>;
  /** Whether the site was halted when the executor last heard of it. Throws where that can't be read. */
  readonly isHalted: () => boolean;
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
  const { state, log } = parts;
  try {
    await seeThrough(parts);
  } catch (error) {
    if (!(error instanceof StateError) || state.stand() === null) throw error;
    // It will never be read: whoever starts this again for it starts it for ever.
    log.error('what is known of a change of versions can\u2019t be read', { why: error.message });
    await giveUpUnread(parts);
  }
}

async function seeThrough(parts: GuardParts): Promise<void> {
  const { state } = parts;
  const present = state.present();
  if (present === null) return;
  const { what } = present;
  const why = present.stand === 'pending' ? await watch(parts, what) : null;
  const decided = state.present();
  // Ended in the middle: the next start goes on.
  if (decided === null || decided.stand === 'pending') return;
  if (decided.stand === 'confirmed') return finish(parts, what, { outcome: 'confirmed' });
  const code = await goBack(parts, what);
  await finish(parts, what, { outcome: 'returned', code: code === 'E_UPGRADE_UNHEARD' ? (why ?? code) : code });
}

/** Puts the new version over, and waits for the word that it was heard. Gives the reason where it was given up before that. */
async function watch(parts: GuardParts, what: Switch): Promise<string | null> {
  const { state, bundle, restart, signal, log } = parts;
  const code = whyNot(parts, what);
  if (code !== null) {
    log.warn('a new version is given up', { to: what.to, code });
    state.decide('returning');
    return code;
  }
  try {
    if (hashOf(bundle) === what.before) keepSpare(bundle);
    put(bundle, state, 'next');
  } catch (error) {
    log.error('a new version could not be put over', { to: what.to, why: String(error) });
    state.decide('returning');
    return 'E_UPGRADE_DISK';
  }
  parts.audit('upgrade_switched', { id: what.id, from: what.from, to: what.to });
  log.info('put a new version over', { from: what.from, to: what.to, within_s: what.within_s });
  await restart();
  const until = performance.now() + what.within_s * 1_000;
  while (!signal.aborted && state.present()?.stand === 'pending') {
    if (performance.now() > until) {
      state.decide('returning');
      return null;
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
  return null;
}

/** Why a switch is not begun, or not gone on with after another start of the host; null where nothing is in its way. */
function whyNot({ state, bundle, isHalted, now, log }: GuardParts, what: Switch): string | null {
  const installed = hashOf(bundle);
  if (!isWhole(state, what)) return 'E_UPGRADE_DAMAGED';
  if (installed !== what.before && installed !== what.next) return 'E_UPGRADE_REPLACED';
  try {
    if (countStart(state) > STARTS_MAX) return 'E_UPGRADE_UNHEARD';
    // What is put over already waits for its hub, as it would have without a power cut.
    if (installed === what.next) return null;
    // A host that was off for days begins nothing that nobody waits for any more, and none while its site is halted.
    if ((state.entry(what.id)?.not_after ?? 0) <= now()) return 'E_UPGRADE_EXPIRED';
    return isHalted() ? 'E_HALTED' : null;
  } catch (error) {
    log.warn('what a change of versions goes by can\u2019t be read or written', { why: String(error) });
    return error instanceof StateError ? 'E_UPGRADE_DAMAGED' : 'E_UPGRADE_DISK';
  }
}

/** Puts the version before back, where the new one is installed, and answers why. What somebody else has installed stays. */
async function goBack({ state, bundle, restart, log }: GuardParts, what: Switch): Promise<string> {
  const installed = hashOf(bundle);
  if (installed !== what.before && installed !== what.next) return 'E_UPGRADE_REPLACED';
  const isBack = put(bundle, state, 'before', what.before);
  log.warn('went back to the version before', { from: what.to, to: what.from, whole: isBack });
  // Also where it is back already: a start that was cut short may not have come so far.
  await restart();
  return isWhole(state, what) ? 'E_UPGRADE_UNHEARD' : 'E_UPGRADE_DAMAGED';
}

/** Nobody can say which switch this was: the new code goes, where it is what is installed and nobody has confirmed it. */
async function giveUpUnread({ state, bundle, restart, audit, log }: GuardParts): Promise<void> {
  const isNew = hashOf(bundle) === hashOf(state.at('next.cjs'));
  const before = hashBefore(bundle, state);
  if (isNew && before !== null && state.stand() !== 'confirmed') {
    put(bundle, state, 'before', before);
    log.warn('went back to the version before');
    await restart();
  }
  dropSpare(bundle);
  audit('upgrade_returned', { code: 'E_UPGRADE_DAMAGED' });
  state.setAside();
}

/** Both versions are here as they were laid down: nothing is put over that could not be put back. */
const isWhole = (state: UpgradeState, what: Switch): boolean =>
  hashOf(state.at('next.cjs')) === what.next && hashOf(state.at('before.cjs')) === what.before;

async function finish(parts: GuardParts, what: Switch, end: Pick<Entry, 'outcome' | 'code'>): Promise<void> {
  const { state, bundle, audit } = parts;
  const { id, from, to } = what;
  if (!(await isNoted(parts, what, end))) return;
  audit(`upgrade_${end.outcome}`, { id, from, to, ...(end.code === undefined ? {} : { code: end.code }) });
  dropSpare(bundle);
  state.end();
}

/**
 * Notes how it ended; false when that has to be gone on with by the next start. A full disk is waited for here: nothing is
 * started again for it.
 */
async function isNoted(
  { state, now, signal, log }: GuardParts,
  { id, from, to }: Switch,
  end: Pick<Entry, 'outcome' | 'code'>,
): Promise<boolean> {
  for (let tries = 0; ; tries++) {
    try {
      state.note({ id, from, to, not_after: state.entry(id)?.not_after ?? now(), ...end }, now());
      return true;
    } catch (error) {
      if (tries === 0) log.error('the end of a change of versions was not noted', { why: String(error) });
      // No upgrade is taken while that can't be read, so nothing has to be known of this one.
      if (error instanceof StateError) return true;
      if (signal.aborted) return false;
      await sleep(NOTE_AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  }
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
