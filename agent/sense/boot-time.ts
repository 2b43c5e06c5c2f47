import type { ProcFiles } from './proc-files.ts';

/** When the kernel started, in milliseconds since the epoch; null where /proc does not say. */
export function bootTime(proc: ProcFiles): number | null {
  try {
    const seconds = Number(/^btime (\d{1,12})$/m.exec(proc.text('stat'))?.[1]);
    return Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1_000 : null;
  } catch {
    return null;
  }
}
