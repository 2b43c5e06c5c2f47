import { ProcFiles } from '../sense/proc-files.ts';
import { readProcessStat } from '../sense/process-stat.ts';
import type { CageBounds, Overrun } from './bounds.ts';

const proc = new ProcFiles();

/**
 * Which bound some processes exceed together, where the kernel does not hold it for us. Memory is what of them is in
 * memory, pages that two of them share counted twice; it is read of no more processes than may be there.
 */
export function exceeded(pids: readonly number[], bounds: CageBounds): Overrun | null {
  if (pids.length > bounds.processes) return 'E_LIMIT_PROCESSES';
  const memory = pids.reduce((sum, pid) => sum + (readProcessStat(proc, pid)?.rss ?? 0), 0);
  return memory > bounds.memory ? 'E_LIMIT_MEMORY' : null;
}
