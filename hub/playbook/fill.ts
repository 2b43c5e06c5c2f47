import type { ProcessRef } from '../../policy/verdict.ts';
import type { Entity, Evidence } from '../evidence/evidence.ts';
import { figuresOf, labelledProcess } from '../evidence/find.ts';
import { GREW, holdLittle, OF_MEMORY } from '../evidence/memory-held.ts';
import type { TopProcess } from '../evidence/processes.ts';
import type { ProposedCommand } from '../reason/reasoner.ts';
import { fillCommand, type Placeholder, type PlaceholderValues, placeholdersOf } from './placeholders.ts';
import type { Playbook } from './playbook.ts';

/** A playbook with every placeholder filled from one incident's evidence. */
export interface FilledPlaybook {
  readonly playbook: Playbook;
  readonly pre: readonly string[];
  readonly steps: readonly ProposedCommand[];
  readonly post: readonly string[];
  /** The entities that its commands name. */
  readonly entities: readonly Entity[];
  /** The processes that its pids mean. */
  readonly processes: readonly ProcessRef[];
}

/** Why a placeholder stays open: a sentence for the operator. */
export interface Unfilled {
  readonly placeholder: Placeholder;
  readonly why: string;
}

export type Filling =
  | { readonly ok: true; readonly filled: FilledPlaybook }
  | { readonly ok: false; readonly open: readonly Unfilled[] };

/** A process this far above the next one is the one to blame; nearer than that, several share the load. */
const DOMINANT = 2;

/** Ending one of these takes the host or the way to it down: never anyone's culprit, whatever it uses. */
export const VITAL: ReadonlySet<string> = new Set([
  'systemd',
  'init',
  'sshd',
  'dbus-daemon',
  'dbus-broker',
  'systemd-journal',
  'systemd-udevd',
  'systemd-logind',
  'systemd-network',
  'systemd-resolve',
  'NetworkManager',
  'login',
  'agetty',
  'auditd',
  'containerd',
  'dockerd',
  'sentinel',
]);

/** Where a sweep could take what the system needs: only looked at, whatever lies below. */
const SYSTEM_TREES = /^\/(?:bin|boot|dev(?!\/shm\/.)|etc|lib|lib64|proc|root|run|sbin|sys|usr)(?:\/|$)/;

/** What holds everybody's things side by side: nobody meant all of it by declaring a quota. */
const SHARED_ROOTS = new Set(['/data', '/home', '/media', '/mnt', '/opt', '/srv', '/var', '/var/lib', '/var/log']);

/** A name that says that what lies there was made to be thrown away, or can be made again. */
const SCRATCH =
  /^(?:te?mp|temp(?:orary)?|scratch|spool|cache|exports?|uploads?|incoming|dumps?|staging|render|work|shm|build|ci|artifacts?)$/i;

/**
 * Whether files may be swept from a file system or folder. What the system needs and the roots of everybody's things are
 * left alone. A folder that has a quota was declared by its owner, and a playbook that the evidence tells apart
 * (`toldApart`) knows whose files they are; by an ending alone files are swept only from a file system whose own name
 * says that it is scratch space: `/srv/cad` and `/data/lab` may be people's shares.
 */
export function maySweep(kind: 'mount' | 'folder', path: string, toldApart: boolean): boolean {
  if (path === '/' || SYSTEM_TREES.test(path)) return false;
  if (kind === 'folder' || toldApart) return !SHARED_ROOTS.has(path);
  return SCRATCH.test(path.slice(path.lastIndexOf('/') + 1));
}

/**
 * Fills a playbook from the evidence, whole or not at all. The same evidence always gives the same filling, so the
 * step that proposes may ask for pre- and post-checks of the playbook that a reasoner chose.
 */
export function fillFromEvidence(playbook: Playbook, evidence: Evidence): Filling {
  const found = new Map<Placeholder, Entity>();
  const open: Unfilled[] = [];
  for (const name of neededBy(playbook)) {
    const entity = resolve(name, evidence, playbook);
    if (typeof entity === 'string') open.push({ placeholder: name, why: entity });
    else found.set(name, entity);
  }
  if (open.length > 0) return { ok: false, open };

  const values: PlaceholderValues = Object.fromEntries([...found].map(([name, entity]) => [name, entity.value]));
  const fill = (command: string): string => {
    const filled = fillCommand(command, values);
    if (filled === null)
      throw new Error(`playbook ${playbook.id}: "${command}" was resolved and still can't be filled`);
    return filled;
  };
  const entities = [...new Set(found.values())];
  return {
    ok: true,
    filled: {
      playbook,
      pre: playbook.pre_checks.map(fill),
      steps: playbook.steps.map((step) => ({
        command: fill(step.run),
        explanation: step.why,
        rollback: step.rollback === null ? null : fill(step.rollback),
      })),
      post: playbook.verify.post_checks.map(fill),
      entities,
      processes: entities.flatMap((entity) => (entity.process === undefined ? [] : [entity.process])),
    },
  };
}

function neededBy(playbook: Playbook): ReadonlySet<Placeholder> {
  const commands = [
    ...playbook.pre_checks,
    ...playbook.steps.flatMap((step) => [step.run, step.rollback ?? '']),
    ...playbook.verify.post_checks,
  ];
  return new Set(commands.flatMap((command) => placeholdersOf(command).known));
}

/** The entity that a placeholder means, or the reason why there is none. */
function resolve(name: Placeholder, evidence: Evidence, { needs_human: looks, match }: Playbook): Entity | string {
  switch (name) {
    case 'culprit.pid':
      return harmless(culprit(evidence));
    case 'supervisor.pid':
      return harmless(labelledProcess(evidence, 'supervisor') ?? 'the supervising process is not known');
    case 'mount':
    case 'folder': {
      const subject = evidence.entities.find((one) => one.kind === name && one.labels.includes('subject'));
      if (subject === undefined) return `the ${name} is not known, or has a name that no command may carry`;
      if (!looks && !maySweep(name, subject.value, match.mentions.length > 0)) {
        return `${subject.value} holds the system's or people's own files: nothing is deleted there without a person`;
      }
      return subject;
    }
    case 'unit': {
      const unlisted = evidence.entities.find((one) => one.kind === 'unit' && one.labels.includes('unlisted'));
      return (
        evidence.entities.find((one) => one.kind === 'unit' && one.labels.includes('subject')) ??
        (unlisted === undefined ? 'the unit is not known' : `${unlisted.value} is not in the host's inventory`)
      );
    }
    case 'container':
      return (
        evidence.entities.find((one) => one.kind === name && one.labels.includes('subject')) ??
        `the ${name} is not known`
      );
    default:
      return name satisfies never;
  }
}

/** Alerts of a whole host of which its busiest process says something. */
const OF_CPU: ReadonlySet<string> = new Set(['host.cpu', 'host.load']);

/**
 * The process to blame. For a watched workload it is the one that the agent names. For a whole host the largest is
 * not yet guilty: it must stand well above all others, or have grown while it was watched.
 */
function culprit(evidence: Evidence): Entity | string {
  const named = labelledProcess(evidence, 'culprit');
  if (!evidence.event.signal.startsWith('host.')) return named ?? 'no process is known to be the cause';
  const cpu = OF_CPU.has(evidence.event.signal);
  // The largest in memory starts no processes and writes no disk: of other alerts no top list says who it is.
  if (!cpu && !OF_MEMORY.has(evidence.event.signal)) return named ?? 'no process is known to be the cause';
  const list = (cpu ? evidence.snapshot?.top_cpu : evidence.snapshot?.top_mem) ?? [];
  const suspect = named ?? labelledProcess(evidence, cpu ? 'top_cpu' : 'top_mem');
  const figures = suspect && figuresOf(evidence, suspect);
  if (suspect === undefined || figures === undefined) return 'no process is known to be the cause';
  if (figures.rss === 0) return 'the busiest is a part of the kernel, which no command may change';
  if (!cpu && (figures.growth ?? 0) >= GREW) return suspect;
  if (holdLittle(evidence, [figures])) return 'no process holds what is missing of the memory';
  const amount = (one: TopProcess): number => (cpu ? one.cpu : one.rss);
  const next = list
    .filter((one) => one.process.pid !== figures.process.pid)
    .reduce((max, one) => Math.max(max, amount(one)), 0);
  if (amount(figures) >= next * DOMINANT) return suspect;
  const others = list.filter((one) => amount(one) * DOMINANT > amount(figures));
  return others.every((one) => one.process.comm === figures.process.comm && one.user === figures.user)
    ? 'the load is shared by workers of one program: it is their service that has to be treated'
    : 'no single process stands out: several share the load';
}

/** Refuses what has no identity (its pid may be another process by now) and what a host can't do without. */
function harmless(entity: Entity | string): Entity | string {
  if (typeof entity === 'string') return entity;
  if (entity.process === undefined) return 'its start time is not known, and a pid alone may be another process by now';
  if (VITAL.has(entity.process.comm)) return `${entity.process.comm} is vital to the host`;
  return entity;
}
