import {
  accessSync,
  constants,
  copyFileSync,
  linkSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { makeFolder } from './durable-file.ts';
import { int, record, text } from './shape.ts';

/** Where everything of one installation lies. `sentinel up` keeps hub and agent in one folder; sites keep them apart. */
export interface StateFolder {
  readonly root: string;
  /** Secrets, 0700: nothing else may be read from here by an operators' group. */
  readonly keys: string;
  readonly site: string;
  readonly roster: string;
  readonly hub: string;
  readonly store: string;
  readonly actSocket: string;
  readonly hubPort: string;
  readonly playbooks: string;
  readonly policy: string;
  readonly correlate: string;
  readonly services: string;
  /** Rules by which plans run with nobody there, and what an admin has signed of them. */
  readonly automation: string;
  readonly automationSigned: string;
  readonly notify: string;
  readonly webhooks: string;
  /** Where checkpoints of the audit chain are written beside the store. */
  readonly audit: string;
  /** Models that were pulled, and which of them the hub reasons with. */
  readonly models: string;
  /** A model that another program of the site serves, where the hub may ask one. */
  readonly endpoint: string;
  readonly agent: string;
  readonly watch: string;
  readonly journal: string;
  /** What an agent handed over to an executor. */
  readonly handed: string;
  readonly outbox: string;
  readonly agentAudit: string;
}

/** Refused for what the state folder is or can't do: each message says what to change. */
export class StateError extends Error {
  readonly code: 'E_STATE_READONLY' | 'E_RUNNING' | 'E_NO_SITE' | 'E_SITE_EXISTS' | 'E_STATE_BROKEN';
  constructor(code: StateError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export function stateFolder(dir: string): StateFolder {
  const root = resolve(dir);
  const hub = join(root, 'hub');
  const agent = join(root, 'agent');
  return {
    root,
    keys: join(root, 'keys'),
    site: join(root, 'site.json'),
    roster: join(root, 'roster.cbor'),
    hub,
    store: join(hub, 'store'),
    actSocket: join(hub, 'act.sock'),
    hubPort: join(hub, 'port'),
    playbooks: join(root, 'playbooks'),
    policy: join(root, 'policy'),
    correlate: join(root, 'correlate.yaml'),
    services: join(root, 'services.yaml'),
    automation: join(root, 'automation.yaml'),
    automationSigned: join(root, 'automation.signed'),
    notify: join(root, 'notify.yaml'),
    webhooks: join(root, 'webhooks.yaml'),
    audit: join(root, 'audit.yaml'),
    models: join(root, 'models'),
    endpoint: join(root, 'endpoint.yaml'),
    agent,
    watch: join(agent, 'watch.d'),
    journal: join(agent, 'journal.jsonl'),
    handed: join(agent, 'handed.jsonl'),
    outbox: join(agent, 'outbox.ring'),
    agentAudit: join(agent, 'audit.jsonl'),
  };
}

/** Makes the folders; throws E_STATE_READONLY with the way out when it can't. */
export function prepareFolder(state: StateFolder): void {
  try {
    makeFolder(state.root, 0o750);
    makeFolder(state.keys, 0o700);
    for (const folder of [state.policy, state.hub, state.store, state.agent, state.watch]) makeFolder(folder, 0o750);
    for (const folder of [state.root, state.hub, state.agent]) accessSync(folder, constants.W_OK);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StateError(
      'E_STATE_READONLY',
      `can't write the state folder ${state.root} (${why}). Choose another with --state DIR.`,
    );
  }
}

/**
 * Claims a folder for this process until it ends; throws E_RUNNING when another one holds it, E_STATE_READONLY when
 * the folder takes no file. The claim names a pid, its start time and the host's boot, so one left by a killed
 * process, or by a power cut, never blocks the next.
 */
export function claim(folder: string, what: string): () => void {
  const lock = join(folder, 'lock');
  const draft = `${lock}.${process.pid}`;
  try {
    // One that a killed process of the same number left may be the lock itself, by another name.
    rmSync(draft, { force: true });
    writeFileSync(draft, JSON.stringify({ pid: process.pid, start: startTime(process.pid), boot: bootId() }));
  } catch (error) {
    // On a full disk an empty draft may be there.
    rmSync(draft, { force: true });
    const why = error instanceof Error ? error.message : String(error);
    throw new StateError('E_STATE_READONLY', `can't write in ${folder} (${why}). Choose another with --state DIR.`);
  }
  try {
    for (let attempt = 0; attempt < CLAIM_TRIES; attempt++) {
      if (take(lock, draft)) return () => rmSync(lock, { force: true });
      const found = readClaim(lock);
      if (found !== null && isHeld(found)) {
        throw new StateError(
          'E_RUNNING',
          `${what} already runs here (pid ${found.claim?.pid}, state ${folder}). Use that one, or --state DIR for a second.`,
        );
      }
      // Another starter is about to take it over.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, CLAIM_WAIT_MS);
    }
    throw new StateError('E_STATE_BROKEN', `can't claim ${lock}: remove it if nothing runs here.`);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** How often, and how long apart, a claim is tried that another starter is taking over: it needs a few file operations. */
const CLAIM_TRIES = 200;
const CLAIM_WAIT_MS = 10;
/** Starters that were killed in the very middle of taking over, one after the other: more are nobody's. */
const TAKEOVERS = 4;

/**
 * Puts a claim at `lock`, unless it is another's who lives. One whose holder is dead is replaced only by whoever holds
 * `lock.next` meanwhile and has seen the dead holder's claim still there: so of all starters one alone replaces it.
 */
function take(lock: string, draft: string, depth = 0): boolean {
  if (isLinked(draft, lock)) return true;
  if (depth >= TAKEOVERS || !isLeft(lock)) return false;
  const next = `${lock}.next`;
  if (!take(next, draft, depth + 1)) return false;
  try {
    // Whoever held `next` before may have replaced it.
    if (!isLeft(lock)) return false;
    copyFileSync(draft, `${draft}.own`);
    renameSync(`${draft}.own`, lock);
    return true;
  } catch (error) {
    rmSync(`${draft}.own`, { force: true });
    const why = error instanceof Error ? error.message : String(error);
    throw error instanceof StateError ? error : new StateError('E_STATE_READONLY', `can't claim ${lock} (${why}).`);
  } finally {
    rmSync(next, { force: true });
  }
}

function isLinked(draft: string, lock: string): boolean {
  try {
    linkSync(draft, lock);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    const why = error instanceof Error ? error.message : String(error);
    throw new StateError(
      'E_STATE_READONLY',
      `can't claim ${lock} (${why}). The state folder needs a file system with hard links, as ext4 or xfs is.`,
    );
  }
}

/**
 * A claim is there, and nobody who lives holds it. It is read again when its holder was found dead: that one may have
 * given it back and ended in between, and what is there now be another's. From then on only who holds `next` changes it.
 */
function isLeft(lock: string): boolean {
  const found = readClaim(lock);
  return found !== null && !isHeld(found) && readClaim(lock)?.text === found.text;
}

interface Claim {
  readonly pid: number;
  readonly start: number;
  readonly boot: string;
}

const claimFile = record({ pid: int(1), start: int(-1), boot: text(64) });

/** What stands in a lock; `claim` is null when it makes no sense, and then nobody holds it. */
interface Found {
  readonly text: string;
  readonly claim: Claim | null;
}

/** Null when there is none. Throws E_STATE_BROKEN for one that can't be read: whoever holds it may well live. */
function readClaim(lock: string): Found | null {
  let text: string;
  try {
    text = readFileSync(lock, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    const why = error instanceof Error ? error.message : String(error);
    throw new StateError('E_STATE_BROKEN', `can't read ${lock} (${why}): it may be another user's.`);
  }
  try {
    return { text, claim: claimFile(JSON.parse(text), '') };
  } catch {
    return { text, claim: null };
  }
}

function isHeld({ claim }: Found): boolean {
  if (claim === null || claim.boot !== bootId()) return false;
  // Where /proc told no start time the pid alone names the holder.
  return claim.start === -1 ? isAlive(claim.pid) : startTime(claim.pid) === claim.start;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** The kernel's name for this boot of the host; empty where it gives none. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

/** Start time of a process in clock ticks since boot (field 22 of /proc/PID/stat), or -1 when there is none. */
export function startTime(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // comm may hold spaces and parentheses: the fields count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? -1 : Number(fields[19]);
  } catch {
    return -1;
  }
}
