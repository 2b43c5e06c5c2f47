import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { writeDurably } from '../../broker/durable-file.ts';
import { readRoster, readSite } from '../../broker/enroll.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { proofLines } from '../proof/proof-lines.ts';
import { recordsAbout } from '../proof/records-about.ts';
import { verifiedVouchers } from '../proof/vouchers.ts';
import { Store } from '../store/store.ts';
import { findIncident } from './find-incident.ts';

export const PROVE_USAGE = `sentinel audit prove ID [--state DIR] [--out FILE]
  Writes the records of one incident with what shows to others that they are in the chain as they stand: the hub's
  signatures, a path from each to the newest signed checkpoint, and the roster that the site root has signed. Anyone with
  Node checks it: node verify.mjs FILE. ID may be of an incident that was pruned; give all of it then.
  --out FILE     write there instead of to standard output
  for example: sentinel audit prove 7K2M --out incident.jsonl`;

/** An incident that was pruned is in the chain alone, and is named by its whole id. */
export const wholeId = (store: Store, id: string): string =>
  ULID.test(id.toUpperCase()) ? id.toUpperCase() : findIncident(store, id).id;

const ULID = /^[0-9A-HJKMNP-TV-Z]{26}$/;

export async function proveCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
    PROVE_USAGE,
  );
  if (values.help) {
    io.stdout(PROVE_USAGE);
    return EXIT.done;
  }
  const [id, ...more] = positionals;
  if (id === undefined || more.length > 0) throw new UsageError(PROVE_USAGE);
  const state = stateFolder(values.state);
  const site = readSite(state);
  const signed = readRoster(state, site);
  const store = new Store(state.store, 'read');
  try {
    const vouchers = verifiedVouchers(store, site, signed);
    const numbers = recordsAbout(store, wholeId(store, id));
    if (numbers.size === 0) throw new UsageError(`the chain has no record of an incident ${JSON.stringify(id)}`);
    const lines = [...proofLines(store, vouchers, numbers)];
    if (values.out === undefined) for (const line of lines) io.stdout(line.trimEnd());
    else writeDurably(values.out, lines.join(''));
    const { count } = vouchers.checkpoint.said.audit_head;
    const after = [...numbers].filter((n) => n > count).length;
    if (values.out !== undefined)
      io.stdout(`${numbers.size} records, ${numbers.size - after} of them covered by the checkpoint over ${count}`);
    if (after > 0) io.stderr(`${after} came after that checkpoint: in a minute there is another, which covers them`);
    return EXIT.done;
  } finally {
    await store.close();
  }
}
