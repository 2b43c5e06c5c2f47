import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { type Console, EXIT, readArguments, UsageError } from '../broker/command-line.ts';
import { brokerUrl, type Credentials, readCredentials } from '../broker/credentials.ts';
import { BATCH_MAX } from '../broker/frame-payload.ts';
import { sayCutInstall } from '../broker/install-mark.ts';
import { readJoinToken } from '../broker/join-token.ts';
import { untilStopped } from '../broker/lifetime.ts';
import { type Log, lineLog } from '../broker/log.ts';
import { DEFAULT_PORT } from '../broker/mesh.ts';
import { type StateFolder, stateFolder } from '../broker/state-folder.ts';
import { ID, idFromHostname } from '../broker/topics.ts';
import { Agent } from './agent.ts';
import { type Joined, readJoined } from './identity.ts';
import { joinSite } from './join.ts';

export const AGENT_USAGE = `sentinel agent [--state DIR] [--broker URL] [--id NAME] [--interval SECONDS] [--batch N]
                [--config DIR] [--live] [--exec SOCKET | --sudo] [--join TOKEN|-] [--credentials FILE]
                [--gateway MAPPING.yaml]
  Watches this host, reports to the hub, and runs what was approved. Dry run unless --live.
  --batch N sends N samples at once: fewer bytes on a thin link, and later. Events always go at once.
  --config DIR holds the site's rules (*.yaml) and watch.d/; without it they are in the state folder.
  --credentials FILE says how to log in at somebody else's broker, where that is not by this agent's own secret or
  certificate: {"version":1,"username":ID,"password":...}, and ca, cert, key (PEM), broker (URL) where they are wanted.
  --exec SOCKET has a sentinel exec carry out orders, as root. --sudo puts sudo -n before what needs root, by the entries
  that sentinel policy sudoers prints. With neither, an agent that is not root is read-only there.
  --join TOKEN makes this host an agent of the site that printed the token (\`sentinel enroll HOST\`); - reads it from
  standard input. After that the address and the name are known, and the flag may stay: a token counts once.
  --gateway MAPPING.yaml also speaks for devices that have no agent: a PLC, a sensor, a camera, by what they publish on an
  MQTT broker of theirs. Nobody orders anything of them; see docs/gateway.md.
  for example: sentinel agent --broker mqtt://127.0.0.1:1883 --interval 30`;

/** Samples closer together than this cost more than they show. */
const INTERVAL_MIN_S = 0.2;

export async function agentCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      broker: { type: 'string' },
      id: { type: 'string' },
      config: { type: 'string' },
      join: { type: 'string' },
      credentials: { type: 'string' },
      interval: { type: 'string', default: '2' },
      batch: { type: 'string', default: '1' },
      live: { type: 'boolean', default: false },
      exec: { type: 'string' },
      sudo: { type: 'boolean', default: false },
      gateway: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
    AGENT_USAGE,
  );
  if (values.help) {
    io.stdout(AGENT_USAGE);
    return EXIT.done;
  }
  const interval = Number(values.interval);
  if (!(interval >= INTERVAL_MIN_S)) throw new UsageError(`--interval must be at least ${INTERVAL_MIN_S} seconds`);
  const batch = Number(values.batch);
  if (!Number.isInteger(batch) || batch < 1 || batch > BATCH_MAX) {
    throw new UsageError(`--batch must be a whole number from 1 to ${BATCH_MAX}`);
  }
  const folder = stateFolder(values.state);
  const { config } = values;
  const state =
    config === undefined ? folder : { ...folder, policy: resolve(config), watch: resolve(config, 'watch.d') };
  const log = lineLog('agent', io.stdout, process.env['JOURNAL_STREAM'] !== undefined);
  sayCutInstall(log);
  const joined = values.join === undefined ? readJoined(state) : await join(state, values.join, io, log);
  const id = values.id ?? joined?.agent ?? idFromHostname(hostname());
  if (!ID.test(id)) throw new UsageError('--id may hold a-z, 0-9 and dashes, at most 48');
  const credentials = values.credentials === undefined ? undefined : credentialsOf(values.credentials, id);
  const url = values.broker ?? credentials?.broker ?? joined?.broker ?? `mqtt://127.0.0.1:${DEFAULT_PORT}`;
  // The log names it where there is no link.
  brokerUrl(url);
  // Loaded only where it is asked for: an agent of a host alone pays nothing for it.
  const gateway =
    values.gateway === undefined ? null : (await import('./gateway/gateway.ts')).Gateway.of(values.gateway, id, log);
  const agent = new Agent({
    state,
    agent: id,
    url,
    ...(credentials === undefined ? {} : { login: { outside: credentials } }),
    live: values.live,
    interval: interval * 1_000,
    batch,
    ...(values.exec === undefined ? {} : { exec: values.exec }),
    sudo: values.sudo,
    ...(gateway === null ? {} : { gateway }),
    log,
  });
  agent.start();
  const root = process.geteuid?.() === 0;
  log.info('watching this host', {
    id,
    mode: values.live ? 'live' : 'dry-run',
    acts_as: root
      ? 'root'
      : values.exec !== undefined
        ? 'the executor does'
        : values.sudo
          ? 'sudo'
          : 'an ordinary user',
  });
  process.send?.({ ready: true });
  await untilStopped(io.signal);
  await agent.close();
  return EXIT.done;
}

/** The broker's rules are for names, and an agent's topics carry its id: the two are one. */
function credentialsOf(file: string, id: string): Credentials {
  const credentials = readCredentials(file);
  if (credentials.username !== id) {
    throw new UsageError(
      `${file}: its username must be the agent's id, ${id}: a broker's rules are made for that name`,
    );
  }
  return credentials;
}

/** The token as an argument shows in the host's process list: `-` keeps it out of there. */
async function join(state: StateFolder, token: string, io: Console, log: Log): Promise<Joined> {
  let line = token;
  if (token === '-') {
    line = '';
    for await (const chunk of io.stdin) line += chunk.toString();
  }
  const joined = await joinSite(state, readJoinToken(line), Date.now());
  log.info('belongs to a site', { site: joined.site, agent: joined.agent, broker: joined.broker });
  return joined;
}
