import type { Event } from '../../broker/messages.ts';
import type { Incident } from '../incident.ts';
import { isFromOutside } from '../outside.ts';
import { findActive } from '../store/incidents.ts';
import type { Store } from '../store/store.ts';
import { labelsOf } from './labels.ts';
import type { Labels } from './matcher.ts';
import { type JoinReason, type Track, trackOf } from './memory.ts';
import type { CorrelationRules } from './rules.ts';
import type { ServiceMap } from './service-map.ts';
import { type Silence, silenceFor } from './silences.ts';

/** What an anomaly without an incident of its own becomes. */
export type Decision =
  | { readonly kind: 'open'; readonly flapping: boolean }
  | { readonly kind: 'repeat'; readonly incident: string }
  | { readonly kind: 'join'; readonly incident: string; readonly why: JoinReason }
  | { readonly kind: 'mute'; readonly silence: Silence }
  | { readonly kind: 'muted'; readonly track: NonNullable<Track['muted']> }
  | { readonly kind: 'hold'; readonly of: number };

export interface Correlation {
  readonly rules: CorrelationRules;
  readonly services: ServiceMap;
}

/** Open incidents that one decision looks at: the newest; a site with more has other troubles than grouping. */
const LOOKED_AT = 500;

/**
 * Signs of the same trouble on one host: whichever was seen first stands for all. A disk is not among them, since two
 * mounts that fill are two troubles.
 */
const FAMILIES: readonly (readonly string[])[] = [
  ['host.cpu', 'host.load', 'cpu.', 'load.'],
  ['host.memory', 'host.swap', 'host.memory_pressure', 'host.oom', 'kernel.oom', 'memory.', 'swap.'],
  ['disk.slow', 'host.io_pressure'],
  ['disk.read_only', 'kernel.readonly'],
  ['net.', 'network.', 'kernel.link'],
];

/** What breaks on a host when a host that it needs is in trouble; a full disk or a hot processor does not travel. */
const TRAVELS: readonly string[] = [
  'host.silent',
  'net.',
  'network.',
  'kernel.link',
  'log.',
  'journal.',
  'database.',
  'endpoint.',
  'unit.',
  'container.',
];

/**
 * Decides, from what is stored, what an anomaly becomes; inside the transaction that carries the decision out, so
 * that two events that arrive together see each other. Writes nothing.
 */
export function decide(store: Store, event: Event, { rules, services }: Correlation, now: number): Decision {
  const { agent: host, fingerprint } = event;
  const track = trackOf(store, host, fingerprint);
  if (track.joined !== null && isOpen(store, track.joined)) return { kind: 'repeat', incident: track.joined };
  const labels = labelsOf(event, store.births.get(host)?.host.tags ?? [], services);
  const silence = silenceFor(store, labels, now);
  if (silence !== undefined) {
    return track.muted?.silence === silence.id ? { kind: 'muted', track: track.muted } : { kind: 'mute', silence };
  }
  const patience = rules.open_after.find(({ match }) => match.matches(labels));
  if (patience !== undefined) {
    const recent = track.held.filter((at) => now - at < patience.within);
    if (recent.length + 1 < patience.count) return { kind: 'hold', of: patience.count };
  }
  const covered =
    inhibitedBy(store, labels, rules, services) ??
    familyOf(store, event) ??
    dependencyOf(store, event, services) ??
    siteWide(store, event, rules, now);
  if (covered !== undefined) return { kind: 'join', ...covered };
  const { times, within } = rules.flapping;
  return { kind: 'open', flapping: track.opened.filter((at) => now - at < within).length + 1 >= times };
}

type Covered = { readonly incident: string; readonly why: JoinReason };

const isOpen = (store: Store, id: string): boolean => {
  const incident = store.incidents.get(id);
  return incident !== undefined && findActive(store, incident.host, incident.fingerprint)?.id === id;
};

/** Open incidents, whole, at most as many as are looked at. */
export function* openIncidents(store: Store, host?: string): Generator<Incident> {
  const range =
    host === undefined ? {} : { start: [host, ''] as [string, string], end: [host, '\uffff'] as [string, string] };
  for (const { value } of store.active.getRange({ ...range, limit: LOOKED_AT })) {
    const incident = store.incidents.get(value);
    if (incident !== undefined) yield incident;
  }
}

function inhibitedBy(store: Store, labels: Labels, rules: CorrelationRules, services: ServiceMap): Covered | undefined {
  for (const { source, target, equal } of rules.inhibit) {
    if (!target.matches(labels)) continue;
    for (const incident of openIncidents(store, equal.includes('host') ? labels.host[0] : undefined)) {
      const tags = store.births.get(incident.host)?.host.tags ?? [];
      const others = labelsOf(incident.event, tags, services);
      const same = equal.every((field) => labels[field].some((value) => others[field].includes(value)));
      if (same && source.matches(others)) return { incident: incident.id, why: 'inhibited' };
    }
  }
  return undefined;
}

const startsWithAny = (signal: string, prefixes: readonly string[]): boolean =>
  prefixes.some((prefix) => (prefix.endsWith('.') ? signal.startsWith(prefix) : signal === prefix));

const sameFamily = (a: string, b: string): boolean =>
  FAMILIES.some((family) => startsWithAny(a, family) && startsWithAny(b, family));

function familyOf(store: Store, event: Event): Covered | undefined {
  for (const { id, event: first } of openIncidents(store, event.agent)) {
    if (sameFamily(first.signal, event.signal)) return { incident: id, why: 'family' };
  }
  // The sign that was first may itself be part of an incident of the whole site.
  const range = { start: [event.agent, ''] as [string, string], end: [event.agent, '\uffff'] as [string, string] };
  for (const { key, value } of store.tracks.getRange({ ...range, limit: LOOKED_AT })) {
    if (value.joined === null) continue;
    const member = store.members.get([value.joined, key[0], key[1]]);
    if (member !== undefined && sameFamily(member.signal, event.signal))
      return { incident: value.joined, why: 'family' };
  }
  return undefined;
}

/** What another system tells of, or what harms nothing yet, is no reason why other hosts fail. */
const spreads = ({ severity, event }: Incident): boolean => severity !== 'info' && !isFromOutside(event);

function dependencyOf(store: Store, event: Event, services: ServiceMap): Covered | undefined {
  if (!startsWithAny(event.signal, TRAVELS)) return undefined;
  for (const host of services.upstreamOf(event.agent)) {
    for (const first of openIncidents(store, host)) {
      if (spreads(first)) return { incident: first.id, why: 'dependency' };
    }
  }
  return undefined;
}

/** The oldest incident of the same signal, once so many hosts have it within the time. */
function siteWide(store: Store, event: Event, { group }: CorrelationRules, now: number): Covered | undefined {
  const recent = sameSignal(store, event.signal, now - group.within);
  const hosts = new Set(recent.map(({ host }) => host)).add(event.agent);
  const covering = recent.find(({ id }) => isSiteWide(store, id));
  const [oldest] = recent;
  if (covering !== undefined) return { incident: covering.id, why: 'site' };
  return hosts.size >= group.hosts && oldest !== undefined ? { incident: oldest.id, why: 'site' } : undefined;
}

const isSiteWide = (store: Store, id: string): boolean => {
  for (const { value } of store.members.getRange({ start: [id, ''], end: [id, '\uffff'], limit: LOOKED_AT })) {
    if (value.why === 'site') return true;
  }
  return false;
};

/** Open incidents of this signal that opened since then or that already stand for the site, oldest first. */
function sameSignal(store: Store, signal: string, since: number): { readonly id: string; readonly host: string }[] {
  const range = {
    start: [signal, 0, ''] as [string, number, string],
    end: [signal, Number.MAX_VALUE, ''] as [string, number, string],
  };
  return [...store.signals.getRange({ ...range, limit: LOOKED_AT })].flatMap(({ key: [, opened, id], value: host }) =>
    opened >= since || isSiteWide(store, id) ? [{ id, host }] : [],
  );
}

/**
 * Open incidents that the one with this id now covers: those of the same signal when it stands for the whole site, and
 * those of hosts that need its host.
 */
export function coveredBy(
  store: Store,
  root: Incident,
  why: 'site' | 'dependency',
  { rules, services }: Correlation,
  now: number,
): readonly string[] {
  if (why === 'site') {
    const same = sameSignal(store, root.event.signal, now - rules.group.within);
    return same.map(({ id }) => id).filter((id) => id !== root.id);
  }
  if (!spreads(root)) return [];
  // Most hosts are needed by none: then nothing is read.
  const hosts = services.downstreamOf(root.host);
  return hosts
    .flatMap((host) => [...openIncidents(store, host)])
    .filter(
      ({ id, event, opened }) =>
        id !== root.id && now - opened < rules.group.within && startsWithAny(event.signal, TRAVELS),
    )
    .map(({ id }) => id);
}
