import type { Evidence } from './evidence.ts';
import { splitMetric } from './names.ts';
import type { TopProcess } from './processes.ts';

/** Alerts that the memory of a whole host is short. */
export const OF_MEMORY: ReadonlySet<string> = new Set(['host.memory', 'host.swap', 'host.memory_pressure']);

/** Memory that grew this much while it was watched points to one process, however many others are large. */
export const GREW = 64 * 1_048_576;

/** Who holds less than this part of what is missing, or of what the largest holds, is not why memory is short. */
const SHARE = 0.25;
const MIB = 1_048_576;

/** Bytes in use beyond what is usual; null where the host's memory or what is usual is not known. */
export function missingMemory({ event, snapshot }: Evidence): number | null {
  const total = snapshot?.facts['memory_total_mib'];
  const { metric = '', value, baseline } = event;
  if (splitMetric(metric).base !== 'memory.used_percent' || value === undefined || baseline === undefined) return null;
  if (total?.trusted !== true || !/^[1-9]\d{0,9}$/.test(total.text)) return null;
  return (Math.max(0, value - baseline.mean) / 100) * Number(total.text) * MIB;
}

/** Whether these processes together hold so little that none of them is why the memory of their host is short. */
export function holdLittle(evidence: Evidence, processes: readonly TopProcess[]): boolean {
  if (!OF_MEMORY.has(evidence.event.signal)) return false;
  if (processes.some(({ growth = 0 }) => growth >= GREW)) return false;
  const held = processes.reduce((sum, { rss }) => sum + rss, 0);
  const largest = Math.max(0, ...(evidence.snapshot?.top_mem ?? []).map(({ rss }) => rss));
  return held < SHARE * Math.max(largest, missingMemory(evidence) ?? 0);
}
