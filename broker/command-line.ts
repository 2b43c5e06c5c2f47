import { type ParseArgsConfig, parseArgs } from 'node:util';

/** What a command writes to and reads from: passed in, so that a test can run a command in its own process. */
export interface Console {
  readonly stdout: (line: string) => void;
  readonly stderr: (line: string) => void;
  readonly stdin: AsyncIterable<Buffer | string>;
  /** Aborted at SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

/** Exit codes of every command (docs/design.md section 9). */
export const EXIT = { done: 0, no: 1, usage: 2 } as const;

export class UsageError extends Error {
  readonly code = 'E_USAGE';
}

type Options = NonNullable<ParseArgsConfig['options']>;

/** parseArgs, with its complaint as a UsageError that ends with how the command is used. */
export function readArguments<const O extends Options>(argv: readonly string[], options: O, usage: string) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}
