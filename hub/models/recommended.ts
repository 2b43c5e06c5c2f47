import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** A model of others that suits a machine: named, never fetched by itself. */
export interface Recommended {
  /** From so much memory on that this process may use, in GiB: file, context and hub together. */
  readonly from: number;
  /** Its repository on a model hub, and which of its files. */
  readonly model: string;
  readonly file: string;
}

/**
 * By memory, the largest last. Only instruct models with plain attention, whose kept prefix can be gone back to. The
 * classes are worked out from the files' sizes; none was measured by us.
 */
export const RECOMMENDED: readonly Recommended[] = [
  { from: 4, model: 'Qwen/Qwen3-0.6B-GGUF', file: 'Q8_0' },
  { from: 8, model: 'Qwen/Qwen3-4B-GGUF', file: 'Q4_K_M' },
  { from: 16, model: 'Qwen/Qwen3-8B-GGUF', file: 'Q4_K_M' },
  { from: 32, model: 'Qwen/Qwen3-14B-GGUF', file: 'Q4_K_M' },
];

const GIB = 1_073_741_824;
/** A machine that is sold with 8 GiB says a little less. */
const NEARLY = 0.9;

/** What suits so many bytes of memory; null where only a model as small as the hub's own does. */
export const recommendedFor = (bytes: number): Recommended | null =>
  RECOMMENDED.findLast(({ from }) => bytes >= from * GIB * NEARLY) ?? null;

/** Bytes that this process may use: the machine's, or what its control group leaves it. */
export function usableMemory(read: (file: string) => string = readText): number {
  return Math.min(
    totalmem(),
    ...limitsOf('memory.max', read).map((text) => (text === 'max' ? Infinity : Number(text))),
  );
}

/** The values of one file in the process's control group and in all above it (cgroup v2); none elsewhere. */
export function limitsOf(file: string, read: (file: string) => string = readText): readonly string[] {
  const path = /^0::(\/.*)$/m.exec(read('/proc/self/cgroup'))?.[1] ?? '';
  const found: string[] = [];
  for (let at = path; at.startsWith('/') && at !== '/'; at = at.slice(0, at.lastIndexOf('/'))) {
    found.push(read(`/sys/fs/cgroup${at}/${file}`).trim());
  }
  return [...found, read(`/sys/fs/cgroup/${file}`).trim()].filter((text) => text !== '');
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
