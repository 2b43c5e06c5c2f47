import { existsSync } from 'node:fs';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { keyFile, readSite } from '../../broker/enroll.ts';
import { CREDENTIAL, keptPassphrase, PASSPHRASE_FILE } from '../../broker/kept-passphrase.ts';
import { isSealed, readKeyPair, replaceKeyPair } from '../../broker/keys.ts';
import { type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { PASSPHRASE_MIN } from '../site/passphrase.ts';
import { nextKeyFile } from '../site/roster-keeper.ts';

export const KEYS_USAGE = `sentinel keys list [--state DIR] [--json]
sentinel keys seal | open [--state DIR]
  Says which keys of the hub lie encrypted; seals them with the passphrase that the hub will find when it starts, or writes
  them as they are again. The passphrase is the first line of the systemd credential ${CREDENTIAL}, or of the file that
  ${PASSPHRASE_FILE} names: the hub, and every command that signs with these keys, needs it from then on.
  for example: ${PASSPHRASE_FILE}=/run/secrets/sentinel sentinel keys seal --state /var/lib/sentinel-hub`;

export async function keysCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    KEYS_USAGE,
  );
  if (values.help) {
    io.stdout(KEYS_USAGE);
    return EXIT.done;
  }
  const [verb, ...more] = positionals;
  if ((verb !== 'list' && verb !== 'seal' && verb !== 'open') || more.length > 0) throw new UsageError(KEYS_USAGE);
  const files = ownKeys(stateFolder(values.state));
  if (verb !== 'list') {
    const passphrase = keptPassphrase();
    if (passphrase === undefined || passphrase.length < PASSPHRASE_MIN)
      throw new UsageError(`a passphrase of at least ${PASSPHRASE_MIN} characters is wanted\n${KEYS_USAGE}`);
    // All are read before any is written: a wrong passphrase changes nothing.
    const pairs = files.map((file) => ({ file, pair: readKeyPair(file) }));
    for (const { file, pair } of pairs) replaceKeyPair(file, pair, verb === 'seal' ? passphrase : undefined);
  }
  for (const file of files) {
    const sealed = isSealed(file);
    if (values.json) io.stdout(JSON.stringify({ file, sealed }));
    else io.stdout(`${sealed ? 'encrypted' : 'as it is '}  ${file}`);
  }
  return EXIT.done;
}

/** The keys that sign for this hub and its local operator, those that are there. */
function ownKeys(state: StateFolder): readonly string[] {
  const { localOperator } = readSite(state);
  return [
    keyFile.hub(state),
    nextKeyFile(state),
    keyFile.operator(state, localOperator),
    keyFile.siteRoot(state),
  ].filter((file) => existsSync(file));
}
