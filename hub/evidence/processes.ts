import type { Event, Snapshot } from '../../broker/messages.ts';
import type { ProcessRef } from '../../policy/verdict.ts';
import { splitMetric } from './names.ts';

export type TopProcess = Snapshot['top_mem'][number];

/** One process of the evidence with the labels that the collectors gave it, so that a reader need not compare numbers. */
export interface LabelledProcess {
  readonly ref: ProcessRef;
  /** Absent when only its identity is known. */
  readonly seen: TopProcess | null;
  readonly labels: readonly string[];
}

const RANKED = ['culprit', 'supervisor', 'top_mem', 'top_cpu', 'top_fds'];

/**
 * The processes of an event's snapshot, each once, the most telling first. `known` adds identities from the host's
 * inventory, for a pid that the facts name and no top list shows. A pid that two different processes claim (it was
 * reused between two samples) is left out: nobody could say which one is meant.
 */
export function labelledProcesses(event: Event, known: readonly ProcessRef[]): readonly LabelledProcess[] {
  const snapshot = event.snapshot;
  if (snapshot === undefined) return [];
  const seen = new Map<number, TopProcess>();
  const reused = new Set<number>();
  for (const one of [...snapshot.top_mem, ...snapshot.top_cpu, ...snapshot.top_fds]) {
    const { pid, start } = one.process;
    const before = seen.get(pid);
    if (before !== undefined && before.process.start !== start) reused.add(pid);
    if (before === undefined) seen.set(pid, one);
  }
  for (const pid of reused) seen.delete(pid);

  const labels = new Map<number, string[]>();
  const label = (pid: number | null, name: string) => {
    if (pid !== null) labels.set(pid, [...(labels.get(pid) ?? []), name]);
  };
  const all = [...seen.values()];
  label(factPid(snapshot, 'culprit') ?? groupCulprit(event, all), 'culprit');
  label(factPid(snapshot, 'supervisor'), 'supervisor');
  label(
    largest(all, (p) => p.rss),
    'top_mem',
  );
  label(
    largest(all, (p) => p.cpu),
    'top_cpu',
  );
  label(
    largest(all, (p) => p.fds ?? 0),
    'top_fds',
  );

  const rest: LabelledProcess[] = all.map((one) => ({
    ref: one.process,
    seen: one,
    labels: labels.get(one.process.pid) ?? [],
  }));
  const unseen: LabelledProcess[] = [...labels.keys()].flatMap((pid) => {
    if (seen.has(pid) || reused.has(pid)) return [];
    const matches = known.filter((ref) => ref.pid === pid);
    const [ref] = matches;
    return ref === undefined || matches.length > 1 ? [] : [{ ref, seen: null, labels: labels.get(pid) ?? [] }];
  });
  return [...rest, ...unseen].sort((a, b) => rank(a) - rank(b) || rss(b) - rss(a) || a.ref.pid - b.ref.pid);
}

/** The pid that the agent itself put into its facts; null when it is absent, malformed or was taken from foreign text. */
function factPid(snapshot: Snapshot, name: string): number | null {
  const fact = Object.hasOwn(snapshot.facts, name) ? snapshot.facts[name] : undefined;
  return fact?.trusted === true && /^[1-9][0-9]{0,6}$/.test(fact.text) ? Number(fact.text) : null;
}

/** The heaviest member of the watched group that the metric is about. */
function groupCulprit(event: Event, all: readonly TopProcess[]): number | null {
  if (event.signal !== 'group.memory' && event.signal !== 'group.cpu') return null;
  const { label } = splitMetric(event.metric ?? '');
  const members = label === null ? [] : all.filter((one) => one.group === label);
  return largest(members, event.signal === 'group.cpu' ? (p) => p.cpu : (p) => p.rss);
}

/** Pid of the process with the largest amount, the lowest pid among equals; null when all amounts are zero. */
function largest(all: readonly TopProcess[], amount: (one: TopProcess) => number): number | null {
  let best: TopProcess | null = null;
  for (const one of all) {
    const more = best === null ? amount(one) > 0 : amount(one) > amount(best);
    const same = best !== null && amount(one) === amount(best) && one.process.pid < best.process.pid;
    if (more || same) best = one;
  }
  return best?.process.pid ?? null;
}

const rank = (one: LabelledProcess): number => {
  const first = RANKED.findIndex((name) => one.labels.includes(name));
  return first < 0 ? RANKED.length : first;
};
const rss = (one: LabelledProcess): number => one.seen?.rss ?? 0;
