import { hostname } from 'node:os';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { brokerUrl, readCredentials } from '../../broker/credentials.ts';
import { makeLocalSite } from '../../broker/enroll.ts';
import { sayCutInstall } from '../../broker/install-mark.ts';
import { DEFAULT_ENROLL_PORT, DEFAULT_TLS_PORT } from '../../broker/join-protocol.ts';
import { untilStopped } from '../../broker/lifetime.ts';
import { type Log, lineLog } from '../../broker/log.ts';
import { prepareFolder, stateFolder } from '../../broker/state-folder.ts';
import { idFromHostname } from '../../broker/topics.ts';
import { readHttpAddress, readToken } from '../http/door.ts';
import { chosenModel } from '../models/choice.ts';
import { type HubOptions, openHub } from '../open-hub.ts';
import type { Way } from '../reason/ways.ts';
import { serviceManager } from '../service-manager.ts';
import type { Retention } from '../store/retention.ts';
import { readWay } from './way-flag.ts';

export const HUB_USAGE = `sentinel hub [--state DIR] [--host ADDRESS] [--port N] [--live] [--model GGUF|own|none] [--headless]
             [--auto-approve allow-only] [--broker URL --credentials FILE] [--json-views]
             [--metrics [ADDRESS:]PORT [--metrics-token FILE]] [--webhooks [ADDRESS:]PORT --webhooks-token FILE]
  Runs the hub: broker, store, reasoning, policy. Dry run unless --live.
  --broker URL   be a client of this broker (mqtts://HOST[:PORT]) instead of running one; see docs/fleet.md
  --json-views   say what tools may read as JSON too, under json/1
  --metrics [ADDRESS:]PORT
                 serve /metrics and /healthz: on this machine's loopback, or elsewhere with TLS and a token; docs/metrics.md
  --webhooks [ADDRESS:]PORT
                 take alerts of Alertmanager and Grafana from who shows the token; docs/webhooks.md
  --keep-days N, --keep-incidents N, --keep-mib N
                 how long closed incidents stay (400 days), how many incidents (200000), and in how much of a store
                 (16384 MiB); open ones always do
  --state DIR    where everything is kept (default ./.sentinel)
  --tls-port N, --enroll-port N, --tls-host ADDRESS
                 on a site made with \`sentinel init\`: where other hosts connect (8883) and enrol (8884), and on which
                 address of this machine (default: all)
  --auto-approve allow-only
                 run plans of idempotent playbooks whose every command is allowed, from 0.90 confidence on, with nobody
                 there: at most 4 on one host within an hour. You sign the rule for it with your key; an admin may.
  --model FILE   a GGUF, or the name of a pulled one, that reasons beside the rules; a broken one costs the model, not the
                 hub. \`own\`: the one that ships with the hub, if one does; \`none\`: rules alone. Absent: what was chosen
                 with \`sentinel model use\`, else \`own\`
  --reasoner single|staged
                 how that model thinks: all in one answer, or in stages that may ask the host; see docs/models.md
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
      model: { type: 'string' },
      reasoner: { type: 'string' },
      broker: { type: 'string' },
      credentials: { type: 'string' },
      'json-views': { type: 'boolean', default: false },
      metrics: { type: 'string' },
      'metrics-token': { type: 'string' },
      webhooks: { type: 'string' },
      'webhooks-token': { type: 'string' },
      'keep-days': { type: 'string', default: '400' },
      'keep-incidents': { type: 'string', default: '200000' },
      'keep-mib': { type: 'string', default: '16384' },
      headless: { type: 'boolean', default: false },
      'auto-approve': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
    HUB_USAGE,
  );
  if (values.help) {
    io.stdout(HUB_USAGE);
    return EXIT.done;
  }
  const log = lineLog('hub  ', io.stdout, process.env['JOURNAL_STREAM'] !== undefined);
  sayCutInstall(log);
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
    jsonViews: values['json-views'],
    autoApprove: allowsAlone(values['auto-approve']),
    ...metricsOf(values.metrics, values['metrics-token']),
    ...webhooksOf(values.webhooks, values['webhooks-token']),
    retention: retentionOf(values['keep-days'], values['keep-incidents'], values['keep-mib']),
    ...outsideOf(values.broker, values.credentials),
    ...(await modelOf(values.model, readWay(values.reasoner), state.models, log)),
    log,
  });
  if (values.broker === undefined && hub.wanted !== 0 && hub.port !== hub.wanted)
    log.info(`port ${hub.wanted} is occupied: using ${hub.port}`);
  log.info('ready', {
    address: `${hub.host}:${hub.port}`,
    mode: values.live ? 'live' : 'dry-run',
    reasoner: hub.reasoner,
    resumed: hub.resumed,
  });
  const manager = serviceManager({ env: process.env, log });
  manager.ready(hub.isAlive);
  process.send?.({ ready: true, host: hub.host, port: hub.port, wanted: hub.wanted });
  const over = await Promise.race([untilStopped(io.signal), hub.superseded]);
  manager.stopping();
  await hub.close();
  if (over === undefined) return EXIT.done;
  log.error(over, { code: 'E_EPOCH_OLD' });
  return EXIT.no;
}

async function modelOf(
  word: string | undefined,
  way: Way | undefined,
  folder: string,
  log: Log,
): Promise<Pick<HubOptions, 'model'>> {
  try {
    const model = await chosenModel(word, folder, way);
    return model === null ? {} : { model };
  } catch (error) {
    log.error(`going on with rules alone. ${error instanceof Error ? error.message : String(error)}`);
    return {};
  }
}

function outsideOf(url: string | undefined, credentials: string | undefined): Pick<HubOptions, 'outside'> {
  if (url === undefined && credentials === undefined) return {};
  if (url === undefined || credentials === undefined) {
    throw new UsageError(`--broker URL and --credentials FILE belong together\n${HUB_USAGE}`);
  }
  brokerUrl(url);
  return { outside: { url, credentials: readCredentials(credentials) } };
}

function metricsOf(address: string | undefined, token: string | undefined): Pick<HubOptions, 'metrics'> {
  if (address === undefined && token === undefined) return {};
  if (address === undefined) throw new UsageError(`--metrics-token FILE belongs to --metrics\n${HUB_USAGE}`);
  return { metrics: { ...readHttpAddress(address), token: token === undefined ? null : readToken(token) } };
}

function webhooksOf(address: string | undefined, token: string | undefined): Pick<HubOptions, 'webhooks'> {
  if (address === undefined && token === undefined) return {};
  if (address === undefined || token === undefined) {
    throw new UsageError(`--webhooks [ADDRESS:]PORT and --webhooks-token FILE belong together\n${HUB_USAGE}`);
  }
  return { webhooks: { ...readHttpAddress(address), token: readToken(token) } };
}

/** Less than a month would take what "3rd time in 30 days" is counted from. */
const KEEP_DAYS_MIN = 31;

function retentionOf(...words: readonly [days: string, most: string, mib: string]): Retention {
  const [days, most, mib] = words.map(Number) as [number, number, number];
  const areWhole = [days, most, mib].every((n) => Number.isSafeInteger(n) && n >= 1);
  if (!areWhole || days < KEEP_DAYS_MIN) {
    throw new UsageError(
      `--keep-days is at least ${KEEP_DAYS_MIN}, --keep-incidents and --keep-mib at least 1\n${HUB_USAGE}`,
    );
  }
  return { age: days * 86_400_000, most, bytes: mib * 2 ** 20 };
}

/** There is one word for it, so that nobody types less than they mean. */
function allowsAlone(word: string | undefined): boolean {
  if (word === undefined) return false;
  if (word !== 'allow-only') throw new UsageError(`--auto-approve takes allow-only, and nothing else\n${HUB_USAGE}`);
  return true;
}
