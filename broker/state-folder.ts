import { accessSync, constants, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

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
  readonly agent: string;
  readonly watch: string;
  readonly journal: string;
  readonly outbox: string;
  readonly agentAudit: string;
}

/** Refused for what the state folder is or can't do: each message says what to change. */
export class StateError extends Error {
  readonly code: 'E_STATE_READONLY' | 'E_RUNNING' | 'E_NO_SITE' | 'E_STATE_BROKEN';
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
    agent,
    watch: join(agent, 'watch.d'),
    journal: join(agent, 'journal.jsonl'),
    outbox: join(agent, 'outbox'),
    agentAudit: join(agent, 'audit.jsonl'),
  };
}

/** Makes the folders; throws E_STATE_READONLY with the way out when it can't. */
export function prepareFolder(state: StateFolder): void {
  try {
    mkdirSync(state.root, { recursive: true, mode: 0o750 });
    mkdirSync(state.keys, { recursive: true, mode: 0o700 });
    for (const folder of [state.hub, state.store, state.agent, state.watch, state.outbox]) {
      mkdirSync(folder, { recursive: true, mode: 0o750 });
    }
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
 * Claims a folder for this process until it ends; throws E_RUNNING when another one holds it. The claim names a pid
 * and its start time, so one left by a killed process never blocks the next.
 */
export function claim(folder: string, what: string): () => void {
  const lock = join(folder, 'lock');
  const draft = `${lock}.${process.pid}`;
  writeFileSync(draft, JSON.stringify({ pid: process.pid, start: startTime(process.pid) }));
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        linkSync(draft, lock);
        return () => rmSync(lock, { force: true });
      } catch {
        const holder = readClaim(lock);
        if (holder !== null && startTime(holder.pid) === holder.start) {
          throw new StateError(
            'E_RUNNING',
            `${what} already runs here (pid ${holder.pid}, state ${folder}). Use that one, or --state DIR for a second.`,
          );
        }
        if (attempt > 8) throw new StateError('E_STATE_BROKEN', `can't claim ${lock}: remove it if nothing runs here.`);
        // Renamed first, so that of two starters only one removes the stale claim.
        try {
          renameSync(lock, `${draft}.stale`);
        } catch {
          // The other starter was quicker.
        }
      }
    }
  } finally {
    rmSync(draft, { force: true });
    rmSync(`${draft}.stale`, { force: true });
  }
}

function readClaim(lock: string): { pid: number; start: number } | null {
  try {
    const value: unknown = JSON.parse(readFileSync(lock, 'utf8'));
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('start' in value)) return null;
    return typeof value.pid === 'number' && typeof value.start === 'number'
      ? { pid: value.pid, start: value.start }
      : null;
  } catch {
    return null;
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
