import { existsSync, readFileSync } from 'node:fs';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { keyFile, readRoster, readSite } from '../../broker/enroll.ts';
import { ROLES, type Roster } from '../../broker/messages.ts';
import { fingerprintOf, readOperatorKey, sshLineOf } from '../../broker/operator-key.ts';
import { openRoster, sealRoster } from '../../broker/roster.ts';
import { OperatorError, withKey, withOperator, withoutOperator } from '../../broker/roster-change.ts';
import { SCOPE } from '../../broker/scopes.ts';
import { type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { ID } from '../../broker/topics.ts';
import { installRoster, readRoot, writeSigned } from './roster-change.ts';

export const OPERATOR_USAGE = `sentinel operator list [--former] [--json]
sentinel operator add NAME --key FILE [--role viewer|approver|admin] [--scope SCOPE]...
sentinel operator revoke NAME
sentinel operator rotate NAME --key FILE     another key for the same operator
  All take --state DIR (default ./.sentinel). Each change is the roster's next version, signed by the site's root key.
  --key FILE       the operator's public key: FILE.pub of \`ssh-keygen -t ed25519\`, or PEM
  --role           viewer looks (the default), approver approves and rejects, admin changes the site too
  --scope SCOPE    host:ID or tag:TAG, may be given several times: acts on these hosts alone (default: on all)
  --root-key FILE  the root key, with --passphrase-file FILE or a question for its passphrase; on a local site not needed
  --out FILE       not put in force here, but written: where the root key is, apart from the hub
  --in FILE        the roster to change, where there is no state folder
  --former         list the keys of earlier days too: they may do nothing, and show who has signed
  for example: sentinel operator add ann --key ann.pub --role approver --root-key /media/stick/plant-7.pem`;

/** What the hub's socket takes of a roster at once (hub/acts/protocol.ts). */
const SIGNED_MAX = 16_384;
/** Kept free of it: each operator of a full roster can still be revoked, at 3 bytes more than they took, and 30 for all. */
const KEPT_TO_REVOKE = 1_024;
/** What the roster has room for with each operator (broker/messages.ts). */
const SCOPES_MAX = 32;

export async function operatorCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      key: { type: 'string' },
      role: { type: 'string', default: 'viewer' },
      scope: { type: 'string', multiple: true },
      'root-key': { type: 'string' },
      'passphrase-file': { type: 'string' },
      in: { type: 'string' },
      out: { type: 'string' },
      former: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    OPERATOR_USAGE,
  );
  if (values.help) {
    io.stdout(OPERATOR_USAGE);
    return EXIT.done;
  }
  const state = stateFolder(values.state);
  const [verb = '', name = '', ...rest] = positionals;
  if (verb === 'list' && name === '') return list(readRoster(state, readSite(state)).roster, values, io);
  if (name === '' || rest.length > 0) throw new UsageError(OPERATOR_USAGE);
  const change = changeOf(verb, name, values);
  const siteRoot = await readRoot(rootFile(state, values['root-key']), values['passphrase-file']);
  const roster = change(openRoster(new Uint8Array(readFileSync(values.in ?? state.roster)), siteRoot.public));
  const message = sealRoster(roster, siteRoot);
  const room = verb === 'revoke' ? SIGNED_MAX : SIGNED_MAX - KEPT_TO_REVOKE;
  if (message.length > room)
    throw new OperatorError('E_OPERATOR_FULL', `the roster would have ${message.length} bytes: ${room} are its most`);
  const carried = values.out ?? (values.in === undefined ? undefined : `roster-${roster.version}.cbor`);
  if (carried !== undefined) return writeSigned(roster, siteRoot, carried, io);
  return installRoster(state, message, io);
}

/** What a verb makes of a roster. Its arguments are read first: nobody is asked for a passphrase in vain. */
function changeOf(
  verb: string,
  name: string,
  given: { readonly key?: string | undefined; readonly role: string; readonly scope?: readonly string[] | undefined },
): (before: Roster) => Roster {
  const { key: file, role: wanted, scope: scopes = [] } = given;
  if (verb === 'revoke') return (before) => withoutOperator(before, name);
  if (verb !== 'add' && verb !== 'rotate')
    throw new UsageError(`no such verb: ${JSON.stringify(verb)}\n${OPERATOR_USAGE}`);
  if (file === undefined) throw new UsageError(`--key FILE is needed: the operator's public key\n${OPERATOR_USAGE}`);
  const key = readOperatorKey(readFileSync(file, 'utf8'));
  if (verb === 'rotate') return (before) => withKey(before, name, key);
  if (!ID.test(name)) throw new UsageError('a name may hold a-z, 0-9 and dashes, at most 48');
  const role = ROLES.find((one) => one === wanted);
  if (role === undefined) throw new UsageError(`--role takes ${ROLES.join(', ')}`);
  const bad = scopes.find((one) => !SCOPE.test(one));
  if (bad !== undefined || scopes.length > SCOPES_MAX)
    throw new UsageError(
      `--scope takes host:ID or tag:TAG, at most ${SCOPES_MAX} times${bad === undefined ? '' : `, not ${JSON.stringify(bad)}`}`,
    );
  return (before) => withOperator(before, { name, key, role, scopes: [...new Set(scopes)] });
}

function rootFile(state: StateFolder, named: string | undefined): string {
  const file = named ?? keyFile.siteRoot(state);
  if (named === undefined && !existsSync(file))
    throw new UsageError('the root key is not in this state folder, as it should be: name its file with --root-key');
  return file;
}

function list(
  { operators, former = [], version }: Roster,
  wanted: { readonly former: boolean; readonly json: boolean },
  io: Console,
): number {
  const rows = [
    ...operators.map((one) => ({ ...one, until: null })),
    ...(wanted.former ? former.map((one) => ({ ...one, scopes: [] })) : []),
  ];
  for (const { name, role, scopes, key, until } of rows) {
    const fingerprint = fingerprintOf(key);
    if (wanted.json) {
      io.stdout(JSON.stringify({ name, role, scopes, key: sshLineOf(key), fingerprint, version, until }));
      continue;
    }
    const left = until === null ? '' : `  until version ${until}`;
    const where = scopes.length === 0 ? '' : `  ${scopes.join(' ')}`;
    io.stdout(`${name.padEnd(16)} ${role.padEnd(9)} ${fingerprint}${where}${left}`);
  }
  return EXIT.done;
}
