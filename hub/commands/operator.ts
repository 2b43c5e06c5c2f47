import { existsSync, readFileSync } from 'node:fs';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { keyFile, readRoster, readSite } from '../../broker/enroll.ts';
import { KeyFileError } from '../../broker/keys.ts';
import { ROLES, type Roster } from '../../broker/messages.ts';
import { fingerprintOf, readOperatorKey, sshLineOf } from '../../broker/operator-key.ts';
import { openRoster, sealRoster } from '../../broker/roster.ts';
import { withKey, withOperator, withoutOperator, withTwoPerson } from '../../broker/roster-change.ts';
import { TWO_PERSON } from '../../broker/roster-shape.ts';
import { PLACE, SCOPE } from '../../broker/scopes.ts';
import { type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { ID } from '../../broker/topics.ts';
import { checkRoom, installRoster, readRoot, writeSigned } from './roster-change.ts';

export const OPERATOR_USAGE = `sentinel operator list [--former] [--json]
sentinel operator add NAME --key FILE [--role viewer|approver|admin] [--scope SCOPE]...
sentinel operator revoke NAME
sentinel operator rotate NAME --key FILE     another key for the same operator
sentinel operator two-person review|all|off [--scope SCOPE]...
  All take --state DIR (default ./.sentinel). Each change is the roster's next version, signed by the site's root key.
  --key FILE       the operator's public key: FILE.pub of \`ssh-keygen -t ed25519\` or \`ed25519-sk\`, or PEM
  two-person       \`review\`: a plan with a command that needs consent needs two persons' approvals, \`all\`: every plan
                   does, and none runs with nobody there; for the hosts of each SCOPE, else for every one
  --role           viewer looks (the default), approver approves and rejects, admin changes the site too
  --scope SCOPE    host:ID or tag:TAG, may be given several times: acts on these hosts alone (default: on all);
                   effect:read, restart, change or destroy: approves nothing that does worse
  --root-key FILE  the root key, with --passphrase-file FILE or a question for its passphrase; on a local site not needed
  --out FILE       not put in force here, but written: where the root key is, apart from the hub
  --in FILE        the roster to change, where there is no state folder
  --former         list the keys of earlier days too: they may do nothing, and show who has signed
  for example: sentinel operator add ann --key ann.pub --role approver --root-key /media/stick/plant-7.pem`;

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
  for (const scope of values.scope ?? []) checkScope(scope, verb);
  const change = changeOf(verb, name, values);
  const siteRoot = await readRoot(rootFile(state, values['root-key']), values['passphrase-file']);
  const roster = change(openRoster(new Uint8Array(readFileSync(values.in ?? state.roster)), siteRoot.public));
  const message = sealRoster(roster, siteRoot);
  checkRoom(message, verb === 'revoke' ? 0 : KEPT_TO_REVOKE);
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
  if (verb === 'two-person') {
    const plans = TWO_PERSON.find((one) => one === name) ?? null;
    if (plans === null && name !== 'off') throw new UsageError(`two-person takes ${TWO_PERSON.join(', ')} or off`);
    return (before) => withTwoPerson(before, scopes.length === 0 ? ['*'] : [...new Set(scopes)], plans);
  }
  if (verb !== 'add' && verb !== 'rotate')
    throw new UsageError(`no such verb: ${JSON.stringify(verb)}\n${OPERATOR_USAGE}`);
  if (file === undefined) throw new UsageError(`--key FILE is needed: the operator's public key\n${OPERATOR_USAGE}`);
  const { key, sk } = readOperatorKey(readKeyText(file));
  if (verb === 'rotate') return (before) => withKey(before, name, key, sk);
  if (!ID.test(name)) throw new UsageError('a name may hold a-z, 0-9 and dashes, at most 48');
  const role = ROLES.find((one) => one === wanted);
  if (role === undefined) throw new UsageError(`--role takes ${ROLES.join(', ')}`);
  if (scopes.length > SCOPES_MAX) throw new UsageError(`--scope may be given at most ${SCOPES_MAX} times`);
  const token = sk === undefined ? {} : { sk };
  return (before) => withOperator(before, { name, key, ...token, role, scopes: [...new Set(scopes)] });
}

/** A folder or a missing file is said as such, and not as the system's call that failed. */
function readKeyText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const isFolder = error instanceof Error && 'code' in error && error.code === 'EISDIR';
    const why = isFolder ? 'is a folder' : existsSync(file) ? 'can’t be read' : 'is not there';
    throw new KeyFileError(`${file} ${why}: give the public key’s file, FILE.pub of \`ssh-keygen -t ed25519\``);
  }
}

function checkScope(scope: string, verb: string): void {
  const [known, takes] = verb === 'add' ? [SCOPE, 'host:ID, tag:TAG or effect:EFFECT'] : [PLACE, 'host:ID or tag:TAG'];
  if (!known.test(scope)) throw new UsageError(`--scope takes ${takes}, not ${JSON.stringify(scope)}`);
}

function rootFile(state: StateFolder, named: string | undefined): string {
  const file = named ?? keyFile.siteRoot(state);
  if (named === undefined && !existsSync(file))
    throw new UsageError('the root key is not in this state folder, as it should be: name its file with --root-key');
  return file;
}

function list(
  { operators, former = [], version, two_person: twoPerson = [] }: Roster,
  wanted: { readonly former: boolean; readonly json: boolean },
  io: Console,
): number {
  const rows = [
    ...operators.map((one) => ({ ...one, until: null })),
    ...(wanted.former ? former.map((one) => ({ ...one, scopes: [] })) : []),
  ];
  for (const { name, role, scopes, key, sk, until } of rows) {
    const fingerprint = fingerprintOf(key, sk);
    if (wanted.json) {
      io.stdout(JSON.stringify({ name, role, scopes, key: sshLineOf(key, sk), fingerprint, version, until }));
      continue;
    }
    const left = until === null ? '' : `  until version ${until}`;
    const token = sk === undefined ? '' : '  token';
    const where = scopes.length === 0 ? '' : `  ${scopes.join(' ')}`;
    io.stdout(`${name.padEnd(16)} ${role.padEnd(9)} ${fingerprint}${token}${where}${left}`);
  }
  if (wanted.json) return EXIT.done;
  for (const { where, plans } of twoPerson)
    io.stdout(`two persons must agree to ${describe(plans)} on ${where === '*' ? 'every host' : where}`);
  return EXIT.done;
}

const describe = (plans: 'review' | 'all'): string =>
  plans === 'all' ? 'every plan' : 'each plan with a command that needs consent';
