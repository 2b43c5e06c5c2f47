import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type Console, EXIT, readArguments, UsageError } from '../../broker/command-line.ts';
import { brokerUrl, type Credentials, readCredentials } from '../../broker/credentials.ts';
import { readSite } from '../../broker/enroll.ts';
import { bytesAsBase64 } from '../../broker/json.ts';
import { ListenError, listen } from '../../broker/listener.ts';
import { type KnownKeys, MessageReader } from '../../broker/message-reader.ts';
import { matches } from '../../broker/routes.ts';
import { type StateFolder, stateFolder } from '../../broker/state-folder.ts';
import { agentTopic, hubTopic } from '../../broker/topics.ts';
import { readStatus } from '../status.ts';
import { takeToolOn, toolFile } from '../tools/enroll.ts';

export const WATCH_USAGE = `sentinel watch [TOPIC] [--count N] [--json] [--state DIR | --broker URL --credentials FILE]
  Prints every message on TOPIC (default view/1/#) as one JSON line: {"at","topic","retained","signed","message"}.
  CBOR is decoded, bytes are base64, signed envelopes are opened and marked verified, unverified or invalid.
  --count N           end after N messages
  --broker URL        mqtt://HOST[:PORT] or mqtts://HOST[:PORT]; without it, the hub that runs with --state DIR
  --credentials FILE  as \`sentinel enroll --tool NAME\` wrote it
  for example: sentinel watch 'view/1/+/event' --count 1`;

/** The name under which this command listens with a state folder's own rights. */
const WATCHER = 'watch';

export async function watchCommand(argv: readonly string[], io: Console): Promise<number> {
  const { values, positionals } = readArguments(
    argv,
    {
      state: { type: 'string', default: './.sentinel' },
      broker: { type: 'string' },
      credentials: { type: 'string' },
      count: { type: 'string' },
      json: { type: 'boolean', default: true },
      help: { type: 'boolean', default: false },
    },
    WATCH_USAGE,
  );
  if (values.help) {
    io.stdout(WATCH_USAGE);
    return EXIT.done;
  }
  const [topic = 'view/1/#', ...more] = positionals;
  const count = values.count === undefined ? Number.POSITIVE_INFINITY : Number(values.count);
  if (more.length > 0 || !(count >= 1)) throw new UsageError(`one TOPIC, and --count from 1\n${WATCH_USAGE}`);
  const state = stateFolder(values.state);
  const reader = new MessageReader(knownKeys(state));
  const stop = new AbortController();
  io.signal.addEventListener('abort', () => stop.abort(), { once: true });
  // Who read our output has gone away.
  process.stdout.once('error', () => stop.abort());
  let left = count;
  const hear = async ({ topic: on, payload, retained }: { topic: string; payload: Uint8Array; retained: boolean }) => {
    const readable = reader.read(on, payload);
    if (left <= 0 || !matches(topic, on)) return;
    io.stdout(JSON.stringify({ at: new Date().toISOString(), topic: on, retained, ...readable }, bytesAsBase64));
    if (--left <= 0) stop.abort();
    // Slower than the messages come, we let the broker leave some out instead of keeping them all.
    if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain', { signal: stop.signal }).catch(() => {});
  };
  // Frames need their birth, and orders the hub's key, whether or not these are asked for.
  const topics = [topic, ...(topic.startsWith('s/') ? [agentTopic('+', 'b'), hubTopic('site')] : [])];
  const from = await source(state, values.broker, values.credentials);
  try {
    await listen(from.url, from.credentials, [...new Set(topics)], hear, stop.signal);
  } catch (error) {
    if (!from.isOwn || !(error instanceof ListenError) || error.code !== 'E_CREDENTIALS') throw error;
    // The hub of this folder was made anew, or somebody has removed the watcher: an operator may take it on again.
    const again = await ownCredentials(state, true);
    await listen(from.url, again, [...new Set(topics)], hear, stop.signal);
  }
  return EXIT.done;
}

interface Source {
  readonly url: string;
  readonly credentials: Credentials;
  readonly isOwn: boolean;
}

async function source(state: StateFolder, url: string | undefined, file: string | undefined): Promise<Source> {
  if (file !== undefined) {
    const credentials = readCredentials(file);
    const address = url ?? credentials.broker;
    if (address === undefined) throw new UsageError(`${file} names no broker: add --broker URL`);
    return { url: brokerUrl(address).href, credentials, isOwn: false };
  }
  if (url !== undefined) throw new UsageError(`--broker URL needs --credentials FILE\n${WATCH_USAGE}`);
  readSite(state);
  const address = readStatus(state)?.address;
  if (address === undefined) throw new UsageError(`no hub has run with --state ${state.root} yet`);
  if (address.includes('://')) {
    throw new UsageError(`this hub uses the broker ${address}: name your credentials there with --credentials FILE`);
  }
  return { url: `mqtt://${address}`, credentials: await ownCredentials(state, false), isOwn: true };
}

async function ownCredentials(state: StateFolder, anew: boolean): Promise<Credentials> {
  const file = toolFile(state, WATCHER);
  if (anew || !existsSync(file)) {
    const { answer } = await takeToolOn(state, WATCHER, { evidence: true, sys: true });
    if (answer.ok === 'no') throw new UsageError(`${answer.code ?? ''}: ${answer.message ?? 'the hub refused'}`);
  }
  // On this machine the hub listens without TLS, and mqtt.js would speak TLS there for who has a certificate.
  const { version, username, password } = readCredentials(file);
  return { version, username, ...(password === undefined ? {} : { password }) };
}

/** The keys of the state folder, where there is one. */
function knownKeys(state: StateFolder): KnownKeys {
  if (!existsSync(state.site)) return { root: null, agents: new Map() };
  const { root, agents } = readSite(state);
  return { root, agents };
}
