import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { untilStopped } from '../../broker/lifetime.ts';
import { lineLog } from '../../broker/log.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { ID, idFromHostname } from '../../broker/topics.ts';
import { RootCarrier } from './carrier.ts';
import { ExecServer } from './exec-server.ts';
import { guardCommand } from './guard-command.ts';
import { listenFd } from './listen-fd.ts';
import { pinFrom } from './pin.ts';

export const EXEC_USAGE = `sentinel exec [--state DIR] [--id NAME] [--pin AGENT-STATE] [--config DIR] [--socket PATH] [--live] [--delegated]
              [--upgrades BUNDLE | --guard BUNDLE]
  Carries out the orders that an agent hands over, after checking them by itself: for an agent that is not root.
  Started by a service manager it takes the socket that it is given, and ends when nobody needs it for a minute.
  --state DIR    holds site.json, and under exec/ what was heard and what was run (default ./.sentinel)
  --config DIR   the site's rules (*.yaml) and watch.d/; as root only root may be able to change them
                 (default: policy/ and exec/watch.d/ in the state folder)
  --socket PATH  listen there, mode 0660
  --delegated    the cgroups below this process's own are its own (systemd's Delegate=yes)
  --pin DIR      take over once which site the agent with this state folder has joined, and end
  --upgrades BUNDLE  an upgrade over the mesh may replace this file, the installed agent, where release.pem in the
                 --config folder holds the release key; see docs/upgrade.md
  --guard BUNDLE see an upgrade through that began, back to the version before if need be, and end
  --live         run what was approved; without it everything is a dry run
  for example: sentinel exec --state /var/lib/sentinel-exec --socket /run/sentinel-exec/exec.sock`;

/** Started by a socket it goes when it was not needed for so long: the next connection starts it again. */
const IDLE_MS = 60_000;

export async function execCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      id: { type: 'string', default: idFromHostname(hostname()) },
      config: { type: 'string' },
      socket: { type: 'string' },
      pin: { type: 'string' },
      upgrades: { type: 'string' },
      guard: { type: 'string' },
      live: { type: 'boolean', default: false },
      delegated: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    EXEC_USAGE,
  );
  if (values.help) {
    io.stdout(EXEC_USAGE);
    return EXIT.done;
  }
  if (!ID.test(values.id)) throw new UsageError('--id may hold a-z, 0-9 and dashes, at most 48');
  const state = stateFolder(values.state);
  if (values.pin !== undefined) {
    const { agent, root } = pinFrom(state, stateFolder(values.pin), values.id);
    io.stdout(`carries out orders for ${agent}, of the site whose root is ${Buffer.from(root).toString('hex')}`);
    return EXIT.done;
  }
  if (values.guard !== undefined) {
    await guardCommand(state, resolve(values.guard), io);
    return EXIT.done;
  }
  const fd = listenFd(process.env, process.pid);
  const at = values.socket === undefined ? (fd === null ? null : { fd }) : { path: values.socket };
  if (at === null) throw new UsageError(`no socket was handed over: name one with --socket PATH\n${EXEC_USAGE}`);
  const log = lineLog('exec', io.stdout, process.env['JOURNAL_STREAM'] !== undefined);
  const carrier = new RootCarrier({
    state,
    agent: values.id,
    live: values.live,
    policy: values.config ?? state.policy,
    watch: join(values.config ?? join(state.root, 'exec'), 'watch.d'),
    delegated: values.delegated,
    bundle: values.upgrades === undefined ? null : resolve(values.upgrades),
    log,
  });
  const server = new ExecServer(carrier, log);
  try {
    await server.listen(at);
    log.info('listening', { socket: 'path' in at ? at.path : 'handed over' });
    const done = new AbortController();
    const look = setInterval(() => {
      if ('fd' in at && server.idle > IDLE_MS) done.abort();
    }, IDLE_MS / 6);
    await Promise.race([untilStopped(io.signal), untilStopped(done.signal)]);
    clearInterval(look);
    await server.close();
  } finally {
    carrier.close();
  }
  return EXIT.done;
}
