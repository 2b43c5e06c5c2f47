import { readFileSync } from 'node:fs';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { keepKey, readRoster, readSite } from '../../broker/enroll.ts';
import type { Roster } from '../../broker/messages.ts';
import { openRoster } from '../../broker/roster.ts';
import { type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { nextKeyFile } from '../site/roster-keeper.ts';
import { installRoster, readRoot, writeSigned } from './roster-change.ts';

export const ROSTER_USAGE = `sentinel roster show [--json]
sentinel roster new-key
sentinel roster sign --root-key FILE [--passphrase-file FILE] [--in FILE] [--out FILE] [--hub-key KEY] [--next-epoch]
sentinel roster install FILE [--key FILE]
  All take --state DIR (default ./.sentinel). The roster says who may approve and which key gives orders.
  new-key       makes a new order key on the hub, and prints its public half; nobody obeys it yet
  sign          where the root key is: the roster in --in (default: the state folder's), one version later
  --hub-key     retires the present order key for this one (64 hex digits, as new-key prints it)
  --next-epoch  another hub takes over: with its own order key, and the one before is obeyed no more
  install       on the hub: takes in what was signed, and tells the agents
  --key FILE    the admin's key that installs it (default: the local operator's, or one in the ssh-agent)
  for example: sentinel roster sign --root-key /media/stick/plant-7.pem --in roster.cbor --out new.cbor --hub-key ...`;

export async function rosterCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      'root-key': { type: 'string' },
      'passphrase-file': { type: 'string' },
      key: { type: 'string' },
      in: { type: 'string' },
      out: { type: 'string' },
      'hub-key': { type: 'string' },
      'next-epoch': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    ROSTER_USAGE,
  );
  if (values.help) {
    io.stdout(ROSTER_USAGE);
    return EXIT.done;
  }
  const state = stateFolder(values.state);
  const [verb, file] = positionals;
  if (verb === 'show') return show(readRoster(state, readSite(state)).roster, values.json, io);
  if (verb === 'new-key') return newKey(state, io);
  if (verb === 'install' && file !== undefined)
    return installRoster(state, new Uint8Array(readFileSync(file)), io, values.key);
  if (verb !== 'sign' || values['root-key'] === undefined) throw new UsageError(ROSTER_USAGE);
  const siteRoot = await readRoot(values['root-key'], values['passphrase-file']);
  const before = openRoster(new Uint8Array(readFileSync(values.in ?? state.roster)), siteRoot.public);
  const roster = changed(before, values['hub-key'], values['next-epoch']);
  return writeSigned(roster, siteRoot, values.out ?? `roster-${roster.version}.cbor`, io);
}

/** The roster's next version, with another order key or a new epoch when they were asked for. */
function changed(before: Roster, hubKey: string | undefined, nextEpoch: boolean): Roster {
  const next = { ...before, version: before.version + 1, epoch: before.epoch + (nextEpoch ? 1 : 0) };
  if (hubKey === undefined) {
    // The old hub has that key still: it would be obeyed in the new epoch too.
    if (nextEpoch) throw new UsageError('--next-epoch needs the new hub’s own key: --hub-key');
    return next;
  }
  const key = new Uint8Array(Buffer.from(hubKey, 'hex'));
  const known = [...(before.retired ?? []), before.hub_key].some((one) => Buffer.from(one).equals(key));
  if (key.length !== 32 || known)
    throw new UsageError('--hub-key takes a new key, as `sentinel roster new-key` printed it');
  return { ...next, hub_key: key, retired: [...(before.retired ?? []), before.hub_key] };
}

function show(roster: Roster, json: boolean, io: Console): number {
  const { site, version, epoch, operators, retired = [], two_person = [] } = roster;
  const hub_key = keyText(roster.hub_key);
  if (json) {
    const named = operators.map(({ name, role, scopes, key }) => ({ name, role, scopes, key: keyText(key) }));
    const keys = { hub_key, retired: retired.map(keyText) };
    io.stdout(JSON.stringify({ site, version, epoch, ...keys, operators: named, two_person }));
    return EXIT.done;
  }
  io.stdout(`site ${site}, version ${version}, epoch ${epoch}, order key ${hub_key}`);
  for (const { name, role } of operators) io.stdout(`  ${role.padEnd(9)} ${name}`);
  return EXIT.done;
}

function newKey(state: StateFolder, io: Console): number {
  readSite(state);
  io.stdout(keyText(keepKey(nextKeyFile(state)).public));
  return EXIT.done;
}

/** In hex: what may begin with a dash is taken for an option by every command line. */
const keyText = (key: Uint8Array): string => Buffer.from(key).toString('hex');
