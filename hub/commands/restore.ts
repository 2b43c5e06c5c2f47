import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { checkBackup } from '../backup/manifest.ts';
import { putBack } from '../backup/put-back.ts';
import { readPassphrase } from '../site/passphrase.ts';
import { said, shownManifest } from './backup.ts';

export const RESTORE_USAGE = `sentinel restore FOLDER [--passphrase-file FILE] [--replace] [--check] [--state DIR] [--json]
  Puts a backup that \`sentinel backup\` made into a state folder in which no hub runs. Signature, hashes and the whole
  audit chain are checked before anything is changed.
  --replace  the store that is there is moved aside, and stays beside the new one as evidence
  --check    only says what the backup holds, and whether it is what the hub signed; asks for no passphrase
  Exit 2: nothing was changed, or the message says that the same restore has to be run again.
  for example: sentinel restore /media/stick/sentinel-20261126T201500Z --state /var/lib/sentinel-hub`;

export async function restoreCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      'passphrase-file': { type: 'string' },
      replace: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    RESTORE_USAGE,
  );
  if (values.help) {
    io.stdout(RESTORE_USAGE);
    return EXIT.done;
  }
  const [folder, ...more] = positionals;
  if (folder === undefined || more.length > 0) throw new UsageError(RESTORE_USAGE);
  if (values.check) {
    const manifest = await checkBackup(folder, null);
    io.stdout(values.json ? JSON.stringify({ folder, ...shownManifest(manifest) }) : `${folder}: ${said(manifest)}`);
    return EXIT.done;
  }
  const passphrase = await readPassphrase(values['passphrase-file'], false, 'the backup');
  const state = stateFolder(values.state);
  const options = { passphrase, replace: values.replace, now: Date.now() };
  const { manifest, aside, keptRoster } = await putBack(folder, state, options);
  if (values.json) io.stdout(JSON.stringify({ folder, ...shownManifest(manifest), aside, kept_roster: keptRoster }));
  else {
    io.stdout(`${state.root} is as it was: ${said(manifest)}`);
    if (aside !== null) io.stdout(`the store that was there is in ${aside}`);
    if (keptRoster !== null)
      io.stdout(`the roster that was there is newer, version ${keptRoster}, and stays with its key`);
    io.stdout(
      'agents have seen more of the audit chain than this copy, and refuse its orders until the site root signs the next epoch: see docs/operations.md',
    );
  }
  return EXIT.done;
}
