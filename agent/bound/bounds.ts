import { totalmem } from 'node:os';

/**
 * What one program may take before it is ended (docs/design.md invariant 2 says what runs, this says how much of the
 * host it may use). Each is far above what any command of the rules needs.
 */
export const BOUNDS = {
  /** Processes and threads at one time: `apt-get` with its triggers has a dozen, a fork bomb has no end. */
  processes: 256,
  /** Bytes of memory, all processes together; on a small host half of what there is. */
  memory: Math.min(1 << 30, Math.floor(totalmem() / 2)),
  /** Bytes that it may say at all: 8 KiB of them travel, and reading the rest costs the host. */
  output: 64 * 1_048_576,
  /** Milliseconds between two looks at what it takes. */
  watch: 100,
  /** After SIGTERM its processes have so many milliseconds before SIGKILL. */
  grace: 2_000,
} as const;

/** The bounds that a cage holds; passed in, so that a test need not make hundreds of processes. */
export type CageBounds = { readonly processes: number; readonly memory: number };

/** Which bound a program ran into: it is ended whole, and its step failed for this reason. */
export type Overrun = 'E_LIMIT_PROCESSES' | 'E_LIMIT_MEMORY' | 'E_LIMIT_OUTPUT';
