import { readFileSync, statSync } from 'node:fs';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { readSite } from '../../broker/enroll.ts';
import {
  chunksOf,
  peekRelease,
  RELEASE_LIMITS,
  ReleaseError,
  readReleaseFile,
  releaseHash,
} from '../../broker/release.ts';
import { PLACE } from '../../broker/scopes.ts';
import { type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { ulid } from '../../broker/ulid.ts';
import { signUpgrade, UPGRADE_LIMITS } from '../../broker/upgrade-messages.ts';
import { actingOperator } from '../acts/acting.ts';
import { type Act, askHubInTurn } from '../acts/client.ts';
import { Store } from '../store/store.ts';
import { type Rollout, readRollout } from '../upgrade/rollout.ts';

export const UPGRADE_USAGE = `sentinel upgrade FILE --group GROUP... [--at-once N] [--within SECONDS] [--downgrade]
sentinel upgrade status [--json]
sentinel upgrade stop
  Brings agents another version over the mesh: FILE is what \`npm run pack -- --key\` has made. An admin's act, by signature.
  Only hosts that have switched it on take it; docs/upgrade.md says how. One host first; then group by group; nothing more
  after the first host that refuses, goes back or falls silent.
  --group GROUP     host:NAME or tag:TAG; groups are upgraded in the order in which they are given
  --at-once N       hosts at the same time, once the first has come through (default 1)
  --within SECONDS  in which the hub must hear the new version, or the host goes back (default ${UPGRADE_LIMITS.within_s.usual})
  --downgrade       consents to a version that is not later than the one that runs
  stop              begins no other host; one that is being put over finishes by itself
  All take --state DIR (default ./.sentinel); those that act take --key FILE.
  for example: sentinel upgrade sentinel-agent_0.2.0.upgrade --group host:web-1 --group tag:line-2 --at-once 4`;

export async function upgradeCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      key: { type: 'string' },
      group: { type: 'string', multiple: true, default: [] },
      'at-once': { type: 'string', default: '1' },
      within: { type: 'string', default: String(UPGRADE_LIMITS.within_s.usual) },
      downgrade: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    UPGRADE_USAGE,
  );
  if (values.help) {
    io.stdout(UPGRADE_USAGE);
    return EXIT.done;
  }
  const [what, ...more] = positionals;
  if (what === undefined || more.length > 0)
    throw new UsageError(`name one upgrade file, or status, or stop\n${UPGRADE_USAGE}`);
  const state = stateFolder(values.state);
  const site = readSite(state);
  if (what === 'status') return status(state, values.json, io);
  const operator = await actingOperator(state, values.key);
  const ask = async (acts: readonly Act[], done: string): Promise<number> => {
    const { ok, code, message } = await askHubInTurn(state, operator, acts);
    if (ok === 'yes') io.stdout(done);
    else io.stderr(`${code ?? 'E_HUB'}: ${message ?? 'refused'}`);
    return ok === 'yes' ? EXIT.done : EXIT.no;
  };
  if (what === 'stop') return ask([{ verb: 'upgrade', step: 'stop' }], 'stopped: no other host is begun');
  const { message, packed } = readReleaseFile(contentOf(what));
  const release = peekRelease(message);
  const where = values.group;
  const bad = where.find((group) => !PLACE.test(group));
  if (where.length === 0 || where.length > UPGRADE_LIMITS.where || bad !== undefined)
    throw new UsageError(`--group takes host:NAME or tag:TAG, 1 to ${UPGRADE_LIMITS.where} times`);
  const now = Date.now();
  const { least, most } = UPGRADE_LIMITS.within_s;
  const order = {
    ...{ id: ulid(now), site: site.name, release: releaseHash(message), version: release.version, where },
    at_once: whole(values['at-once'], '--at-once', 1, UPGRADE_LIMITS.at_once),
    within_s: whole(values.within, '--within', least, most),
    ...{ downgrade: values.downgrade, by: operator.name, not_after: now + UPGRADE_LIMITS.lasts_ms },
  };
  const signed = await signUpgrade(order, operator.sign);
  return ask(
    [
      { verb: 'upgrade', step: 'release', payload: message },
      ...chunksOf(packed).map((payload): Act => ({ verb: 'upgrade', step: 'chunk', payload })),
      { verb: 'upgrade', step: 'begin', ...signed },
    ],
    `the upgrade to ${release.version} has begun: sentinel upgrade status`,
  );
}

/** Exit code 1 when the last upgrade has stopped. */
async function status(state: StateFolder, json: boolean, io: Console): Promise<number> {
  const store = new Store(state.store, 'read');
  const rollout = readRollout(store);
  await store.close();
  if (rollout === null) {
    io.stdout(json ? 'null' : 'no upgrade of agents was ordered here');
    return EXIT.done;
  }
  if (json) io.stdout(JSON.stringify(shown(rollout)));
  else for (const line of lines(rollout)) io.stdout(line);
  return rollout.state === 'stopped' ? EXIT.no : EXIT.done;
}

/** Without the bytes that were signed: the audit chain names them. */
const shown = ({ message: _m, order: _o, signature: _s, ...rest }: Rollout) => rest;

function* lines({ version, by, state, why, begun, hosts }: Rollout): Generator<string> {
  yield `upgrade to ${version}: ${state}${why === '' ? '' : ` (${why})`}, ordered by ${by} at ${new Date(begun).toISOString()}`;
  for (const { agent, state: at, code, message } of hosts)
    yield `  ${agent.padEnd(24)} ${at.padEnd(10)} ${[code, message].filter(Boolean).join(': ')}`.trimEnd();
}

function whole(said: string, flag: string, least: number, most: number): number {
  const n = Number(said);
  if (!Number.isInteger(n) || n < least || n > most)
    throw new UsageError(`${flag} must be a whole number from ${least} to ${most}`);
  return n;
}

function contentOf(file: string): Uint8Array {
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) throw new UsageError(`there is no file ${file}`);
  if (size > RELEASE_LIMITS.packed + 2 * RELEASE_LIMITS.message)
    throw new ReleaseError(`${file} has ${size} bytes, more than an upgrade file may`);
  return new Uint8Array(readFileSync(file));
}
