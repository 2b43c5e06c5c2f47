import type { Snapshot } from '../../broker/messages.ts';
import type { Entity, Evidence, EvidenceItem } from './evidence.ts';
import type { TopProcess } from './processes.ts';

/** Questions about an evidence record whose answers carry the ids of the items they rest on. */

/** The item with the metric that crossed its bound. */
export const metricItem = (evidence: Evidence): EvidenceItem | undefined =>
  evidence.items.find((item) => item.kind === 'metric');

/** The process entity with this label. */
export const labelledProcess = (evidence: Evidence, label: string): Entity | undefined =>
  evidence.entities.find((one) => one.kind === 'process' && one.labels.includes(label));

/** The item that describes an entity: of the kind that shows its figures. */
export const itemAbout = (evidence: Evidence, entity: Entity): EvidenceItem | undefined =>
  evidence.items.find((item) => item.kind === entity.kind && item.entities.includes(entity.slot));

/** The figures of a process entity, when one of the top lists holds them. */
export function figuresOf(evidence: Evidence, entity: Entity): TopProcess | undefined {
  const { top_mem = [], top_cpu = [], top_fds = [] } = evidence.snapshot ?? {};
  return [...top_mem, ...top_cpu, ...top_fds].find((one) => String(one.process.pid) === entity.value);
}

/** Ids of the log lines that a pattern finds, at most `max`. */
export const logIds = (evidence: Evidence, pattern: RegExp, max = 3): readonly string[] =>
  evidence.items
    .filter((item) => item.kind === 'log' && pattern.test(item.text))
    .slice(0, max)
    .map((item) => item.id);

export interface MountFigures {
  readonly mount: Snapshot['mounts'][number];
  readonly item: EvidenceItem;
  /** Percent. */
  readonly used: number;
  /** Percent; null when the file system has no inode count. */
  readonly inodesUsed: number | null;
}

/** The mounts that the evidence shows, with their fill in percent. */
export function mountFigures(evidence: Evidence): readonly MountFigures[] {
  return (evidence.snapshot?.mounts ?? []).flatMap((mount) => {
    const entity = evidence.entities.find((one) => one.kind === 'mount' && one.value === mount.path);
    const item = entity && itemAbout(evidence, entity);
    if (item === undefined || mount.total <= 0) return [];
    const { inodes = 0, inodes_used: inodesUsed } = mount;
    return [
      {
        mount,
        item,
        used: (100 * mount.used) / mount.total,
        inodesUsed: inodes > 0 && inodesUsed !== undefined ? (100 * inodesUsed) / inodes : null,
      },
    ];
  });
}
