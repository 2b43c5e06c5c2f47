import { hostname } from 'node:os';
import { type Console, EXIT, readArguments } from '../broker/command-line.ts';
import { makeLocalSite } from '../broker/enroll.ts';
import { DEFAULT_ENROLL_PORT, DEFAULT_TLS_PORT } from '../broker/join-protocol.ts';
import { untilStopped } from '../broker/lifetime.ts';
import { lineLog } from '../broker/log.ts';
import { prepareFolder, stateFolder } from '../broker/state-folder.ts';
import { idFromHostname } from '../broker/topics.ts';
import { openHub } from './open-hub.ts';

export const HUB_USAGE = `sentinel hub [--state DIR] [--host ADDRESS] [--port N] [--live] [--model GGUF|none] [--headless]
  Runs the hub: broker, store, reasoning, policy. Dry run unless --live.
  --state DIR    where everything is kept (default ./.sentinel)
  --tls-port N, --enroll-port N, --tls-host ADDRESS
                 on a site made with \`sentinel init\`: where other hosts connect (8883) and enrol (8884), and on which
                 address of this machine (default: all)
  --model FILE   a GGUF that reasons beside the rules; a broken one costs the model, not the hub
  for example: sentinel hub --state /var/lib/sentinel-hub --live`;

/** Runs until the signal; a parent that started it with an IPC channel ends it by going away. */
export async function hubCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string' },
      'tls-host': { type: 'string' },
      'tls-port': { type: 'string', default: String(DEFAULT_TLS_PORT) },
      'enroll-port': { type: 'string', default: String(DEFAULT_ENROLL_PORT) },
      live: { type: 'boolean', default: false },
      model: { type: 'string', default: 'none' },
      headless: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    HUB_USAGE,
  );
  if (values.help) {
    io.stdout(HUB_USAGE);
    return EXIT.done;
  }
  const log = lineLog('hub  ', io.stdout, process.env['JOURNAL_STREAM'] !== undefined);
  const state = stateFolder(values.state);
  prepareFolder(state);
  if (makeLocalSite(state, idFromHostname(hostname())).made) {
    log.info('made a local site: its root key lies in this state folder', { keys: state.keys });
  }
  const hub = await openHub({
    state,
    host: values.host,
    ...(values.port === undefined ? {} : { port: Number(values.port) }),
    tls: {
      ...(values['tls-host'] === undefined ? {} : { host: values['tls-host'] }),
      port: Number(values['tls-port']),
      enrollPort: Number(values['enroll-port']),
    },
    live: values.live,
    ...(values.model === 'none' ? {} : { model: values.model }),
    log,
  });
  if (hub.wanted !== 0 && hub.port !== hub.wanted) log.info(`port ${hub.wanted} is occupied: using ${hub.port}`);
  log.info('ready', {
    address: `${hub.host}:${hub.port}`,
    mode: values.live ? 'live' : 'dry-run',
    reasoner: hub.reasoner,
    resumed: hub.resumed,
  });
  process.send?.({ ready: true, host: hub.host, port: hub.port, wanted: hub.wanted });
  await untilStopped(io.signal);
  await hub.close();
  return EXIT.done;
}
