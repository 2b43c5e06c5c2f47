import { connect, type MqttClient } from 'mqtt';
import type { Credentials } from './credentials.ts';

const CONNECT_MS = 10_000;
const RECONNECT_MS = 1_000;
const KEEPALIVE_S = 30;

/** Why nothing can be heard. */
export class ListenError extends Error {
  readonly code: 'E_BROKER_UNREACHABLE' | 'E_CREDENTIALS' | 'E_NOT_GRANTED';
  constructor(code: ListenError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export interface Heard {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retained: boolean;
}

/**
 * Listens to a broker as a tool, until the signal. `hear` is waited for: while it takes its time nothing more is read,
 * and the broker may leave messages out. Rejects with ListenError when the first connection fails, or a topic is not
 * granted; a connection that is lost later is made again.
 */
export function listen(
  url: string,
  { username, password, ca, cert, key }: Credentials,
  topics: readonly string[],
  hear: (message: Heard) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const client: MqttClient = connect(url, {
      // One of several connections of this tool: the identity is what stands before the slash.
      clientId: `${username}/watch-${process.pid}`,
      username,
      ...(password === undefined ? {} : { password }),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      protocolVersion: 4,
      clean: true,
      keepalive: KEEPALIVE_S,
      reconnectPeriod: RECONNECT_MS,
      connectTimeout: CONNECT_MS,
      resubscribe: false,
    });
    let isUp = false;
    const end = (error?: Error) => {
      client.end(true, {}, () => (error === undefined ? resolve() : reject(error)));
    };
    signal.addEventListener('abort', () => end(), { once: true });
    if (signal.aborted) end();
    client.on('connect', () => {
      isUp = true;
      client.subscribe([...topics], { qos: 1 }, (error, granted) => {
        const refused = granted?.find(({ qos }) => qos > 2);
        if (refused === undefined && !error) return;
        const what = refused?.topic ?? topics[0] ?? '';
        end(new ListenError('E_NOT_GRANTED', `${username} may not read ${what}`));
      });
    });
    client.on('error', (error) => {
      // CONNACK return codes 4 and 5: the name, the secret or the right to connect is wrong (MQTT 3.1.1 table 3.1).
      const isRefusal = 'code' in error && (error.code === 4 || error.code === 5);
      if (isRefusal) end(new ListenError('E_CREDENTIALS', `${url} does not let ${username} in: ${error.message}`));
      else if (!isUp) end(new ListenError('E_BROKER_UNREACHABLE', `can't reach ${url}: ${error.message}`));
    });
    client.handleMessage = (packet, next) => {
      const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
      hear({ topic: packet.topic, payload: new Uint8Array(payload), retained: packet.retain }).then(
        () => next(),
        (error: unknown) => end(error instanceof Error ? error : new Error(String(error))),
      );
    };
  });
}
