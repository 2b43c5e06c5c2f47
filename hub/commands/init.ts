import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { isAbsolute, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { writeDurably } from '../../broker/durable-file.ts';
import { keyFile, localUser, readSite, writeSite } from '../../broker/enroll.ts';
import { newKeyPair, writeSealedKeyPair } from '../../broker/keys.ts';
import { claim, prepareFolder, StateError, type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { ID, idFromHostname } from '../../broker/topics.ts';
import { readPassphrase } from '../site/passphrase.ts';
import { makeSiteCa, openSiteCa, serverTls } from '../site/server-tls.ts';

export const INIT_USAGE = `sentinel init [--name SITE] [--address HOST]... [--root-key FILE] [--passphrase-file FILE]
              [--operator NAME] [--id NAME] [--state DIR]
  Makes a site on the machine that will be its hub: root key, certificate authority, server certificate, the hub's
  order key and the first operator, an admin. Asks for what is not given.
  --address HOST   a name or address by which other hosts reach this hub; may be given several times
  --root-key FILE  where the root key goes, encrypted: outside the state folder, and off this machine afterwards
  --id NAME        the agent of this host (default: from its host name)
  for example: sentinel init --name plant-7 --address hub.plant-7.local --root-key /media/stick/plant-7.pem`;

/** A name or address as it stands in a certificate. */
const ADDRESS = /^(?=.{1,255}$)[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$/;

export async function initCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      name: { type: 'string' },
      address: { type: 'string', multiple: true },
      'root-key': { type: 'string' },
      'passphrase-file': { type: 'string' },
      operator: { type: 'string', default: localUser() },
      id: { type: 'string', default: idFromHostname(hostname()) },
      help: { type: 'boolean', default: false },
    },
    INIT_USAGE,
  );
  if (values.help) {
    io.stdout(INIT_USAGE);
    return EXIT.done;
  }
  const state = stateFolder(values.state);
  if (existsSync(state.site)) {
    throw new StateError('E_SITE_EXISTS', `there is a site in ${state.root}. Name another folder with --state DIR.`);
  }
  const name = values.name ?? (await asked('name of the site', 'plant-1', '--name'));
  const addresses =
    values.address ??
    (await asked('names or addresses of this hub, with blanks between', ownAddresses().join(' '), '--address'))
      .split(/[\s,]+/)
      .filter(Boolean);
  const rootKey = values['root-key'] ?? (await asked('file for the root key', `./${name}-root.pem`, '--root-key'));
  for (const [flag, id] of Object.entries({ '--name': name, '--operator': values.operator, '--id': values.id })) {
    if (!ID.test(id)) throw new UsageError(`${flag} may hold a-z, 0-9 and dashes, at most 48`);
  }
  const bad = addresses.find((one) => !ADDRESS.test(one));
  if (bad !== undefined || addresses.length === 0 || addresses.length > 16) {
    throw new UsageError(`--address takes a host name or an address${bad === undefined ? '' : `, not ${bad}`}`);
  }
  if (!isAbsolute(relative(state.root, resolve(rootKey))) && !relative(state.root, resolve(rootKey)).startsWith('..')) {
    throw new UsageError('--root-key must lie outside the state folder: whoever has the hub must not have the root');
  }
  const passphrase = await readPassphrase(values['passphrase-file'], true);
  prepareFolder(state);
  const release = claim(state.keys, 'a first start');
  try {
    const siteRoot = newKeyPair();
    writeSealedKeyPair(rootKey, siteRoot, passphrase);
    await makeSiteCa(state, name, Date.now());
    writeDurably(keyFile.macSecret(state), randomBytes(32).toString('hex'), 0o600);
    writeSite(state, { name, agent: values.id, operator: values.operator, siteRoot, addresses });
    await issueServerCertificate(state);
  } finally {
    release();
  }
  io.stdout(`site ${name} is in ${state.root}; ${values.operator} is its admin, with the key in ${state.keys}`);
  io.stdout(
    `its root key is in ${resolve(rootKey)}: take it off this machine, and keep a copy and the passphrase safe`,
  );
  io.stdout(`now: sentinel hub --state ${values.state}, then sentinel enroll HOST for each other host`);
  return EXIT.done;
}

async function issueServerCertificate(state: StateFolder): Promise<void> {
  const ca = await openSiteCa(state);
  if (ca !== null) await serverTls(state, readSite(state), ca, Date.now());
}

/** What others may know this host by: its name, and the addresses of its interfaces. */
function ownAddresses(): string[] {
  const found = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const routable = found.filter(({ internal, address }) => !internal && !address.startsWith('fe80'));
  return [hostname().toLowerCase(), ...routable.map(({ address }) => address)].slice(0, 16);
}

async function asked(what: string, proposal: string, flag: string): Promise<string> {
  if (!process.stdin.isTTY) throw new UsageError(`not a terminal: give ${flag}`);
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await reader.question(`${what} [${proposal}]: `)).trim() || proposal;
  } finally {
    reader.close();
  }
}
