import type { Event, Snapshot } from '../../broker/messages.ts';
import type { ProcessRef } from '../../policy/verdict.ts';
import type { Also, Entity, Evidence, EvidenceItem, PlaybookMatch, SimilarIncident } from './evidence.ts';
import { isPlainMetric, isSafeName, splitMetric } from './names.ts';
import { type LabelledProcess, labelledProcesses } from './processes.ts';
import { toldUnits } from './told-units.ts';
import { duration, mib, number, oneLine, unitOf } from './words.ts';

/**
 * How much of a snapshot becomes evidence: what an operator can read on two screens, and what fits a small model's
 * prompt with room to answer.
 */
export const EVIDENCE_LIMITS = {
  text: 240,
  processes: 12,
  mounts: 16,
  facts: 24,
  service: 8,
  unit_lines: 24,
  log_templates: 16,
  changes: 16,
  playbooks: 8,
  similar: 5,
  also: 8,
} as const;

export interface EvidenceInput {
  /** A ULID. */
  readonly incidentId: string;
  readonly host: string;
  readonly event: Event;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly similar: readonly SimilarIncident[];
  readonly playbooks: readonly PlaybookMatch[];
  /** What the site's service map says of the host: trusted, from its own configuration. */
  readonly service: Readonly<Record<string, string>>;
  /** Process identities of the host's inventory: for a pid that the facts name and no top list shows. */
  readonly processes?: readonly ProcessRef[];
  /** Units of the host's inventory; absent where none was heard. A unit that is not among them is no command's to name. */
  readonly units?: readonly string[];
  /** Other alerts of the host that are open now. */
  readonly also?: readonly Also[];
}

type Said = Snapshot['facts'][string];

/** Builds the evidence record of one incident. Pure: the same input gives the same bytes. */
export function buildEvidence(input: EvidenceInput): Evidence {
  const { event } = input;
  const entities = new Entities();
  const items = new Items();
  const processes = labelledProcesses(event, input.processes ?? []).slice(0, EVIDENCE_LIMITS.processes);
  for (const one of processes) entities.add('process', String(one.ref.pid), one.labels, one.ref);
  const mounts = orderedMounts(event);
  const subject = subjectOf(event);
  const { units } = input;
  const role = (kind: Entity['kind'], value: string) =>
    kind === 'unit' && units !== undefined && !isListed(value, units) ? 'unlisted' : 'subject';
  if (subject !== null) entities.add(subject.kind, subject.value, [role(subject.kind, subject.value)]);
  for (const mount of mounts) entities.add('mount', mount.path, []);
  const unit = trustedFact(event.snapshot, 'unit') ?? input.service['unit'];
  if (unit !== undefined) entities.add('unit', unit, [role('unit', unit)]);
  const also = (input.also ?? []).slice(0, EVIDENCE_LIMITS.also);
  // Last but the host: what a log merely names comes after what the agent itself points to.
  for (const name of toldUnits(event, also, units ?? [])) entities.add('unit', name, []);
  entities.add('host', input.host, []);

  items.add(
    'metric',
    metricLine(event),
    isPlainMetric(event.metric ?? ''),
    subject === null ? [] : entities.slots(subject.value),
  );
  // The agent writes this sentence, but it may quote a process or a path.
  items.add('fact', event.reason, false, []);
  for (const one of processes) items.add('process', processLine(one), false, entities.slots(String(one.ref.pid)));
  for (const mount of mounts) {
    items.add('mount', mountLine(mount), isSafeName('mount', mount.path), entities.slots(mount.path));
  }
  for (const { signal, reason } of also) items.add('fact', `also ${signal}: ${reason}`, false, []);
  for (const [key, fact] of tellingFacts(event)) {
    items.add('fact', `${key}: ${fact.text}`, fact.trusted, entities.slots(fact.text));
  }
  for (const [key, text] of sortedEntries(input.service).slice(0, EVIDENCE_LIMITS.service)) {
    items.add('fact', `service map, ${key}: ${text}`, true, entities.slots(text));
  }
  for (const said of (event.snapshot?.unit_lines ?? []).slice(-EVIDENCE_LIMITS.unit_lines)) {
    items.add('log', said.text, said.trusted, []);
  }
  for (const { template, count } of frequentTemplates(event)) {
    items.add('log', `${count} times: ${template.text}`, template.trusted, []);
  }
  for (const change of recentChanges(event)) {
    items.add('change', changeLine(change, event.ts), change.what.trusted, []);
  }
  return {
    incident: input.incidentId,
    host: input.host,
    taken: input.now,
    event,
    snapshot: event.snapshot ?? null,
    similar: input.similar.slice(0, EVIDENCE_LIMITS.similar),
    playbooks: input.playbooks.slice(0, EVIDENCE_LIMITS.playbooks),
    service: Object.fromEntries(sortedEntries(input.service)),
    items: items.list,
    entities: entities.list,
    ...(also.length === 0 ? {} : { also }),
  };
}

/** As the policy takes them: a service may be named without its suffix. */
const isListed = (unit: string, units: readonly string[]): boolean =>
  units.includes(unit) || units.includes(`${unit}.service`) || units.includes(unit.replace(/\.service$/, ''));

/** Hands out E1..En; a thing that is named twice keeps its slot and gains the labels. */
class Entities {
  readonly #list: Entity[] = [];

  get list(): readonly Entity[] {
    return this.#list;
  }

  add(kind: Entity['kind'], value: string, labels: readonly string[], process?: ProcessRef): void {
    if (!isSafeName(kind, value)) return;
    const at = this.#list.findIndex((entity) => entity.kind === kind && entity.value === value);
    const before = this.#list[at];
    if (before !== undefined) {
      this.#list[at] = { ...before, labels: [...new Set([...before.labels, ...labels])] };
      return;
    }
    const slot = `E${this.#list.length + 1}`;
    this.#list.push({ kind, slot, value, labels, ...(process === undefined ? {} : { process }) });
  }

  slots(value: string): readonly string[] {
    return this.#list.filter((entity) => entity.value === value).map((entity) => entity.slot);
  }
}

/** Numbers the items: changes c1.., everything else e1... */
class Items {
  readonly list: EvidenceItem[] = [];
  #facts = 0;
  #changes = 0;

  add(kind: EvidenceItem['kind'], text: string, trusted: boolean, entities: readonly string[]): void {
    const line = oneLine(text, EVIDENCE_LIMITS.text);
    if (line === '') return;
    const id = kind === 'change' ? `c${++this.#changes}` : `e${++this.#facts}`;
    this.list.push({ id, kind, text: line, trusted, entities });
  }
}

/** The mount or folder that the event is about. */
function subjectOf(event: Event): Pick<Entity, 'kind' | 'value'> | null {
  const { base, label } = splitMetric(event.metric ?? '');
  if (event.signal.startsWith('disk.') && label !== null) return { kind: 'mount', value: label };
  if (base.startsWith('unit.') && label !== null) return { kind: 'unit', value: label };
  if (base.startsWith('container.') && label !== null) return { kind: 'container', value: label };
  const folder = trustedFact(event.snapshot, 'folder') ?? trustedFact(event.snapshot, 'path');
  if (event.signal.startsWith('folder.') && folder !== undefined) return { kind: 'folder', value: folder };
  return null;
}

function trustedFact(snapshot: Snapshot | undefined, name: string): string | undefined {
  const fact: Said | undefined =
    snapshot !== undefined && Object.hasOwn(snapshot.facts, name) ? snapshot.facts[name] : undefined;
  return fact?.trusted === true ? fact.text : undefined;
}

type Mount = Snapshot['mounts'][number];
const fullness = (mount: Mount): number => (mount.total > 0 ? mount.used / mount.total : 0);

/** The event's own mount first, then the fullest. */
function orderedMounts(event: Event): readonly Mount[] {
  const { label } = splitMetric(event.metric ?? '');
  return [...(event.snapshot?.mounts ?? [])]
    .sort(
      (a, b) =>
        Number(b.path === label) - Number(a.path === label) ||
        fullness(b) - fullness(a) ||
        (a.path < b.path ? -1 : a.path > b.path ? 1 : 0),
    )
    .slice(0, EVIDENCE_LIMITS.mounts);
}

function metricLine(event: Event): string {
  const { metric, value, limit, baseline, sigma, trend_per_hour: trend, eta } = event;
  if (metric === undefined || value === undefined) return `signal ${event.signal} without a value`;
  const unit = unitOf(splitMetric(metric).base);
  const parts = [`${metric} is ${number(value)}${unit}`];
  if (limit !== undefined) parts.push(`healthy ${limit.healthy} ${number(limit.value)}${unit}`);
  if (baseline !== undefined) parts.push(`usual ${number(baseline.mean)}${unit} (deviation ${number(baseline.sd)})`);
  if (sigma !== undefined) parts.push(`${number(sigma)} deviations from usual`);
  if (trend !== undefined) {
    const way = trend > 0 ? 'rising' : trend < 0 ? 'falling' : 'flat';
    parts.push(trend === 0 ? way : `${way} ${number(Math.abs(trend))}${unit} per hour`);
  }
  if (eta !== undefined && eta >= 0) parts.push(`exhausted in ${duration(eta)} at this trend`);
  return parts.join(', ');
}

function processLine({ ref, seen, labels }: LabelledProcess): string {
  const head = `pid ${ref.pid} ${ref.comm}`;
  const marks = labels.length === 0 ? '' : ` [${labels.join(', ')}]`;
  if (seen === null) return `${head}${marks}`;
  const parts = [`rss ${mib(seen.rss)}`, `cpu ${number(seen.cpu)} %`];
  if (seen.fds !== undefined) parts.push(`${seen.fds} open files`);
  if (seen.growth !== undefined)
    parts.push(`${seen.growth < 0 ? 'shrank' : 'grew'} ${mib(Math.abs(seen.growth))} while watched`);
  if (seen.age_s !== undefined) parts.push(`age ${duration(seen.age_s)}`);
  if (seen.group !== undefined) parts.push(`workload ${seen.group}`);
  return `${head}${marks} user ${seen.user}: ${parts.join(', ')}; command ${seen.cmd.text}`;
}

function mountLine(mount: Mount): string {
  const percent = (used: number, total: number) => (total > 0 ? `${number((100 * used) / total)} %` : 'unknown');
  const inodes =
    mount.inodes === undefined || mount.inodes_used === undefined
      ? ''
      : `, inodes ${percent(mount.inodes_used, mount.inodes)} used`;
  return `${mount.path} (${mount.type}): ${percent(mount.used, mount.total)} of ${mib(mount.total)} used${inodes}`;
}

/** What the list of facts is cut from last: who did it and what grew say more than the eighth largest file. */
const TELLING = [
  'subject',
  'culprit',
  'supervisor',
  'unit',
  'value',
  'limit',
  'path',
  'group',
  'held',
  'timer',
  'grower',
  'newest',
];
const ENUMERATED = /^(?:file|open|folder)\.([4-9]|\d\d)$/;

function tellingFacts(event: Event): [string, Said][] {
  const rank = (key: string): number => {
    const at = TELLING.indexOf(key.replace(/\.\d{1,2}$/, ''));
    return at >= 0 ? at : ENUMERATED.test(key) ? TELLING.length + 1 : TELLING.length;
  };
  const all = sortedEntries(event.snapshot?.facts ?? {});
  const kept = new Set(
    [...all]
      .sort(([a], [b]) => rank(a) - rank(b))
      .slice(0, EVIDENCE_LIMITS.facts)
      .map(([key]) => key),
  );
  return all.filter(([key]) => kept.has(key));
}

const frequentTemplates = (event: Event): Snapshot['log_templates'] =>
  [...(event.snapshot?.log_templates ?? [])]
    .sort((a, b) => b.count - a.count || (a.template.text < b.template.text ? -1 : 1))
    .slice(0, EVIDENCE_LIMITS.log_templates);

type Change = Snapshot['changes'][number];
const recentChanges = (event: Event): readonly Change[] =>
  [...(event.snapshot?.changes ?? [])].sort((a, b) => b.ts - a.ts).slice(0, EVIDENCE_LIMITS.changes);

const changeLine = (change: Change, eventTs: number): string =>
  change.ts <= eventTs
    ? `${duration((eventTs - change.ts) / 1_000)} before: ${change.what.text}`
    : `${duration((change.ts - eventTs) / 1_000)} after: ${change.what.text}`;

const sortedEntries = <T>(record: Readonly<Record<string, T>>): [string, T][] =>
  Object.entries(record).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
