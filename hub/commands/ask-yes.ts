import { createInterface } from 'node:readline/promises';
import { UsageError } from '../../broker/command-line.ts';

/** Asks at the terminal, and answers whether `yes` was typed. Throws UsageError where nobody can be asked. */
export async function askedYes(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError('not a terminal: pass --yes to go on without being asked');
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await reader.question(question)) === 'yes';
  } finally {
    reader.close();
  }
}
