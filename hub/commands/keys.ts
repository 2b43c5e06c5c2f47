import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { writeDurably } from '../../broker/durable-file.ts';
import { keyFile, readSite } from '../../broker/enroll.ts';
import { CREDENTIAL, keptPassphrase, PASSPHRASE_FILE } from '../../broker/kept-passphrase.ts';
import { isSealed } from '../../broker/keys.ts';
import { resealed } from '../../broker/sealed-pem.ts';
import { type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { PASSPHRASE_MIN } from '../site/passphrase.ts';
import { nextKeyFile } from '../site/roster-keeper.ts';

export const KEYS_USAGE = `sentinel keys list [--state DIR] [--json]
sentinel keys seal | open [--state DIR]
  Says which keys of the hub lie encrypted, those that sign and those of TLS; seals them with the passphrase that the hub
  will find when it starts, or writes them as they are again. The passphrase is the first line of the systemd credential
  ${CREDENTIAL}, or of the file that ${PASSPHRASE_FILE} names: the hub, and every command that signs
  with these keys, needs it from then on.
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
    const wanted = verb === 'seal' ? passphrase : undefined;
    const pems = files.map((file) => ({ file, pem: resealed(readFileSync(file, 'utf8'), file, wanted) }));
    for (const { file, pem } of pems) writeDurably(file, pem, 0o600);
  }
  for (const file of files) {
    const sealed = isSealed(file);
    if (values.json) io.stdout(JSON.stringify({ file, sealed }));
    else io.stdout(`${sealed ? 'encrypted' : 'as it is '}  ${file}`);
  }
  return EXIT.done;
}

/** Every key of the hub, of its local operator and of its own agents that is there: those that sign, and those of TLS. */
function ownKeys(state: StateFolder): readonly string[] {
  const { localOperator } = readSite(state);
  const agents = readdirSync(state.keys).filter((name) => /^agent-[a-z0-9-]+\.pem$/.test(name));
  return [
    keyFile.hub(state),
    nextKeyFile(state),
    keyFile.operator(state, localOperator),
    ...agents.map((name) => join(state.keys, name)),
    keyFile.siteRoot(state),
    keyFile.siteCa(state),
    keyFile.server(state),
  ].filter((file) => existsSync(file));
}
