import { resolve } from 'node:path';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { keyFile, readRoster, readSite } from '../../broker/enroll.ts';
import { readKeyPair } from '../../broker/keys.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { STANDARDS } from '../proof/controls.ts';
import { exportEvidence } from '../proof/export.ts';
import { verifiedVouchers } from '../proof/vouchers.ts';
import { Store } from '../store/store.ts';
import { wholeId } from './audit-prove.ts';

export const EXPORT_USAGE = `sentinel audit export --for soc2|iec62443 --out FOLDER [--incident ID] [--state DIR] [--json]
  Writes a bundle of evidence that needs nothing beside itself: the records with their proofs, a report for people
  (Markdown, HTML) that says what it shows to the standard's controls and what it does not, and a verifier for Node alone:
  node FOLDER/verify.mjs. The hub's key signs what the bundle holds, so run it as the hub's user.
  --incident ID  one incident, and who could decide by which policy, instead of the whole chain
  for example: sentinel audit export --for soc2 --incident 7K2M --out /media/stick/incident-7K2M`;

export async function exportCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      for: { type: 'string' },
      incident: { type: 'string' },
      out: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    EXPORT_USAGE,
  );
  if (values.help) {
    io.stdout(EXPORT_USAGE);
    return EXIT.done;
  }
  const standard = STANDARDS.find((one) => one === values.for);
  if (standard === undefined || values.out === undefined || positionals.length > 0) throw new UsageError(EXPORT_USAGE);
  const state = stateFolder(values.state);
  const site = readSite(state);
  const signed = readRoster(state, site);
  const key = readKeyPair(keyFile.hub(state));
  const store = new Store(state.store, 'read');
  try {
    const vouchers = verifiedVouchers(store, site, signed);
    const incident = values.incident === undefined ? null : wholeId(store, values.incident);
    const out = resolve(values.out);
    const wanted = { standard, incident, out, now: Date.now() };
    const { files } = await exportEvidence({ store, vouchers, roster: signed.roster, key }, wanted);
    if (values.json) io.stdout(JSON.stringify({ folder: out, standard, incident, files }));
    else io.stdout(`${out}: ${files.join(', ')}. Check it with: node ${out}/verify.mjs`);
    return EXIT.done;
  } finally {
    await store.close();
  }
}
