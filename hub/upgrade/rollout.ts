import { covers } from '../../broker/scopes.ts';
import type { UpgradeOrder } from '../../broker/upgrade-messages.ts';
import type { Store } from '../store/store.ts';

/**
 * How far one host is. `away`, `same` and `cannot` are passed over; `left` was not begun, or not put over, when the rollout
 * stopped. After `refused`, `returned` or `silent` no other host is begun.
 */
export type HostState =
  | 'waiting'
  | 'sending'
  | 'switching'
  | 'done'
  | 'refused'
  | 'returned'
  | 'silent'
  | 'away'
  | 'same'
  | 'cannot'
  | 'left';

export interface RolloutHost {
  readonly agent: string;
  /** The place of its group in the admin's order, from 0. */
  readonly group: number;
  readonly state: HostState;
  /** Why it is in that state, where that has a code. */
  readonly code: string;
  readonly message: string;
  /** When it came into that state. */
  readonly at: number;
}

/** One upgrade of a site's agents, as an admin has ordered it. The hub has one at a time, and remembers the last. */
export interface Rollout {
  readonly id: string;
  readonly by: string;
  readonly version: string;
  /** Names the release: SHA-256 of its signed description. */
  readonly release: string;
  readonly begun: number;
  readonly ended: number | null;
  readonly state: 'running' | 'done' | 'stopped';
  /** Why it stopped. */
  readonly why: string;
  readonly where: readonly string[];
  readonly at_once: number;
  readonly within_s: number;
  /** The release's description and the admin's order, as they were signed. */
  readonly message: Uint8Array;
  readonly order: Uint8Array;
  readonly signature: Uint8Array;
  readonly hosts: readonly RolloutHost[];
}

const KEY = 'upgrade';

/** The rollout under way, or the last one; null when there was none. */
export const readRollout = (store: Store): Rollout | null => (store.meta.get(KEY) as Rollout | undefined) ?? null;

/** Inside a transaction. */
export const putRollout = (store: Store, rollout: Rollout): void => void store.meta.put(KEY, rollout);

const ACTIVE: ReadonlySet<HostState> = new Set(['sending', 'switching']);
const FAILED: ReadonlySet<HostState> = new Set(['refused', 'returned', 'silent']);

/** It was begun, and has no end yet. */
export const isActive = ({ state }: RolloutHost): boolean => ACTIVE.has(state);

/** Something of it is still to be done or to be heard. */
export const isUnderWay = ({ state, hosts }: Rollout): boolean => state === 'running' || hosts.some(isActive);

/** Whether a host is being put over to another version now: what it is told may meet a process that is about to end. */
export const isSwitching = (store: Store, agent: string): boolean =>
  readRollout(store)?.hosts.some((host) => host.agent === agent && host.state === 'switching') === true;

/** A host as a rollout begins: what its last birth said. */
export interface KnownHost {
  readonly agent: string;
  readonly tags: readonly string[];
}

/** The hosts of an order, each in the first of its groups that covers it, in the order of the groups and then of names. */
export function hostsOf(
  { where }: Pick<UpgradeOrder, 'where'>,
  known: readonly KnownHost[],
  now: number,
): RolloutHost[] {
  return known
    .map(({ agent, tags }) => ({ agent, group: where.findIndex((one) => covers({ scopes: [one] }, agent, tags)) }))
    .filter(({ group }) => group >= 0)
    .sort((a, b) => a.group - b.group || (a.agent < b.agent ? -1 : 1))
    .map((host): RolloutHost => ({ ...host, state: 'waiting', code: '', message: '', at: now }));
}

/**
 * The host to begin with now; null while others have to be heard first. Until one host has come through there is never
 * more than one under way; then `at_once`, and a group only when the one before has ended.
 */
export function nextHost({ state, hosts, at_once }: Rollout): RolloutHost | null {
  if (state !== 'running') return null;
  const active = hosts.filter(isActive);
  const next = hosts.find((host) => host.state === 'waiting');
  if (next === undefined || active.length >= (hosts.some((host) => host.state === 'done') ? at_once : 1)) return null;
  return active.every(({ group }) => group === next.group) ? next : null;
}

/** The rollout with one host in another state, and what follows from that for all of it. */
export function withHost(rollout: Rollout, agent: string, change: Omit<RolloutHost, 'agent' | 'group'>): Rollout {
  const hosts = rollout.hosts.map((host) => (host.agent === agent ? { ...host, ...change } : host));
  const next = { ...rollout, hosts };
  if (next.state !== 'running') return next;
  const { state, code, at } = change;
  if (FAILED.has(state)) return stopped(next, `${agent}: ${state}${code === '' ? '' : `, ${code}`}`, at);
  const isOver = hosts.every((host) => host.state !== 'waiting' && !isActive(host));
  return isOver ? { ...next, state: 'done', ended: at } : next;
}

/** No other host is begun; what is being put over somewhere is that host's own to finish. */
export function stopped(rollout: Rollout, why: string, now: number): Rollout {
  const hosts = rollout.hosts.map((host): RolloutHost => {
    const isLeft = host.state === 'waiting' || host.state === 'sending';
    return isLeft ? { ...host, state: 'left', code: '', message: '', at: now } : host;
  });
  return { ...rollout, hosts, state: 'stopped', why, ended: now };
}
