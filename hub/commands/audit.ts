import { type Console, EXIT, UsageError } from '../../broker/command-line.ts';
import { EXPORT_USAGE, exportCommand } from './audit-export.ts';
import { HOLD_USAGE, holdCommand } from './audit-hold.ts';
import { PROVE_USAGE, proveCommand } from './audit-prove.ts';
import { VERIFY_USAGE, verifyCommand } from './audit-verify.ts';

export const AUDIT_USAGE = [VERIFY_USAGE, PROVE_USAGE, EXPORT_USAGE, HOLD_USAGE].join('\n\n');

const VERBS: Readonly<Record<string, (argv: readonly string[], io: Console) => Promise<number>>> = {
  verify: verifyCommand,
  prove: proveCommand,
  export: exportCommand,
  hold: holdCommand,
};

/** `sentinel audit VERB`: what the audit chain is worth, and what it can show to others. */
export async function auditCommand(argv: readonly string[], io: Console): Promise<number> {
  const [verb = '', ...rest] = argv;
  const run = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
  if (run !== undefined) return run(rest, io);
  if (!argv.includes('--help')) throw new UsageError(AUDIT_USAGE);
  io.stdout(AUDIT_USAGE);
  return EXIT.done;
}
