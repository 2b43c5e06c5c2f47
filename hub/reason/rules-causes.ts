import { titleOf } from '../correlate/titles.ts';
import type { Evidence } from '../evidence/evidence.ts';
import { figuresOf, itemAbout, labelledProcess, logIds, metricItem, mountFigures } from '../evidence/find.ts';
import { splitMetric } from '../evidence/names.ts';
import { duration, mib, number, oneLine, plainName, unitOf } from '../evidence/words.ts';
import type { Claim } from '../incident.ts';

/** A cause in one sentence with names and numbers, and the claims that carry it. */
export interface Cause {
  readonly sentence: string;
  readonly chain: readonly Claim[];
}

/** Says what the evidence shows, in the words of its signal. Names of processes appear in harmless characters only. */
export function causeOf(evidence: Evidence): Cause {
  const { event } = evidence;
  const metric = metricItem(evidence);
  const { base, label } = splitMetric(event.metric ?? '');
  const unit = unitOf(base);
  const subject = label === null ? '' : oneLine(label, 80);
  const at = event.value === undefined ? 'out of bounds' : `at ${number(event.value)}${unit}`;
  const bound = event.limit === undefined ? '' : ` (limit ${number(event.limit.value)}${unit})`;
  const who = processWords(evidence);
  const chain: Claim[] = [];
  if (metric !== undefined) {
    const usual = event.baseline === undefined ? '' : `, usually ${number(event.baseline.mean)}${unit}`;
    chain.push({ claim: `${event.metric ?? event.signal} is ${at}${bound}${usual}`, evidence: [metric.id] });
  }
  if (who !== null) chain.push({ claim: who.claim, evidence: who.evidence });
  return { sentence: oneLine(sentenceFor(evidence, { subject, at, bound, who: who?.words ?? null }), 400), chain };
}

interface Words {
  readonly subject: string;
  readonly at: string;
  readonly bound: string;
  readonly who: string | null;
}

function sentenceFor(evidence: Evidence, { subject, at, bound, who }: Words): string {
  const { event } = evidence;
  const rise = (event.trend_per_hour ?? 0) > 0;
  switch (event.signal) {
    case 'group.memory':
      return `Workload ${subject} has outgrown its memory budget: it is ${at}${bound}, held by ${who ?? 'a process that is not known'}${rise ? '; it keeps growing, as a memory leak or a queue without a limit does' : ''}.`;
    case 'group.cpu':
      return `Workload ${subject} burns more CPU than its budget: it is ${at}${bound}, spent by ${who ?? 'a process that is not known'}; a runaway loop or a retry storm.`;
    case 'group.restarts':
      return `Workload ${subject} is in a crash loop ${at}${bound}: its worker keeps dying and is started again by ${who ?? 'a supervisor that is not known'}${evidenceOfCrash(evidence)}.`;
    case 'folder.space':
      return `Folder ${folderPath(evidence) ?? subject} is over its quota: it is ${at}${bound}, filled with files that nobody removes${writer(who)}.`;
    case 'disk.space':
      return `File system ${subject} is nearly full: its space is ${at}${bound}${eta(event.eta)}, filled with files that nobody removes${writer(who)}.`;
    case 'disk.inodes':
      return `File system ${subject} runs out of inodes: they are ${at}${bound} while ${blocksFree(evidence, subject)}; very many small files were made there.`;
    case 'host.memory':
      return `The host runs short of memory: it is ${at}${bound}${eta(event.eta)}; the most is held by ${who ?? 'no single process'}.`;
    case 'host.swap':
      return `The host is pushed into swap, ${at}${bound}: memory is short, and the most is held by ${who ?? 'no single process'}.`;
    case 'host.cpu':
      return `The host's processors are saturated, ${at}${bound}; the most is used by ${who ?? 'no single process'}.`;
    case 'host.load':
      return `The host's run queue is long, ${at}${bound}; the busiest is ${who ?? 'no single process'}.`;
    case 'net.errors':
      return `Network interface ${subject === '' ? '' : `${subject} `}counts errors or drops, ${at}${bound}: a bad cable or port, a duplex mismatch, or a receive ring that overflows.`;
    default:
      return `${oneLine(titleOf(event), 120)}: ${at}${bound}.`;
  }
}

/** The process that matters to this signal, its figures in words, and the item that shows them. */
function processWords(evidence: Evidence) {
  const { signal } = evidence.event;
  const cpu = signal === 'group.cpu' || signal === 'host.cpu' || signal === 'host.load';
  const entity =
    (signal === 'group.restarts' ? labelledProcess(evidence, 'supervisor') : undefined) ??
    labelledProcess(evidence, 'culprit') ??
    (signal.startsWith('host.') ? labelledProcess(evidence, cpu ? 'top_cpu' : 'top_mem') : undefined);
  const item = entity && itemAbout(evidence, entity);
  if (entity?.process === undefined || item === undefined) return null;
  const found = figuresOf(evidence, entity);
  const name = `${plainName(entity.process.comm)} (pid ${entity.value})`;
  const growth = found?.growth ?? 0;
  const figures: string[] = [];
  if (found !== undefined && cpu) figures.push(`${number(found.cpu)} % of a core`);
  if (found !== undefined && !cpu && signal !== 'group.restarts') figures.push(`${mib(found.rss)} resident`);
  if (!cpu && growth > 1_048_576) figures.push(`grew ${mib(growth)} while it was watched`);
  if (found?.age_s !== undefined) figures.push(`running for ${duration(found.age_s)}`);
  const words = figures.length === 0 ? name : `${name}, ${figures.join(', ')}`;
  return { words, claim: `${name} stands out: ${figures.join(', ') || 'named by the agent'}`, evidence: [item.id] };
}

const writer = (who: string | null): string => (who === null ? '' : `; ${who} has files open there`);

const eta = (seconds: number | undefined): string =>
  seconds === undefined || seconds < 0 ? '' : `, exhausted in ${duration(seconds)}`;

const folderPath = (evidence: Evidence): string | undefined =>
  evidence.entities.find((one) => one.kind === 'folder' && one.labels.includes('subject'))?.value;

const evidenceOfCrash = (evidence: Evidence): string =>
  logIds(evidence, /exit(?:ed)?\b|signal|core dumped|traceback|panic|fatal/i, 1).length > 0 ? ', as its log shows' : '';

function blocksFree(evidence: Evidence, mount: string): string {
  const found = mountFigures(evidence).find((one) => one.mount.path === mount);
  return found === undefined
    ? 'the state of its blocks is not known'
    : `only ${number(found.used)} % of its space is used`;
}
