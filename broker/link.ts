import { EventEmitter } from 'node:events';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import type { Credentials } from './credentials.ts';

/** Reconnects after this, with up to as much again at random: a fleet must not return in one wave. */
const RECONNECT_MS = 500;
const KEEPALIVE_S = 30;
/**
 * From the first byte to the broker's welcome. On a link of 9,600 bit/s with 2 s each way a handshake with certificates
 * takes a quarter of a minute, and one that is given up begins from the start.
 */
const CONNECT_MS = 60_000;
/** What is in flight at the end has so long to be acknowledged. */
const GOODBYE_MS = 3_000;

/**
 * How an agent proves who it is: on the hub's own host by a secret, elsewhere by its certificate (PEM each); to somebody
 * else's broker by what that one has given it.
 */
export type Login =
  | { readonly secret: string }
  | { readonly ca: string; readonly cert: string; readonly key: string }
  | { readonly outside: Omit<Credentials, 'username'> };

/** As mqtt.js takes it. The certificate's CN is the identity, and a hub speaks TLS 1.3 alone. */
function credentials(id: string, login: Login): IClientOptions & { readonly minVersion?: 'TLSv1.3' } {
  if ('secret' in login) return { username: id, password: login.secret };
  if ('cert' in login) return { username: id, ...login, minVersion: 'TLSv1.3', rejectUnauthorized: true };
  const { password, ca, cert, key } = login.outside;
  return {
    username: id,
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

interface LinkEvents {
  /** Connected, and every topic is subscribed to before anything that is published from now on. */
  up: [];
  down: [];
  /** Why it could not connect or hear: a name that does not resolve, a certificate of another CA. It goes on trying. */
  trouble: [why: string];
  /** `isRetained`: said before this connection was made. */
  message: [topic: string, payload: Uint8Array, isRetained: boolean];
}

/** An agent's connection to any MQTT 3.1.1 broker: its identity, its will, and the topics it hears. */
export class Link extends EventEmitter<LinkEvents> {
  private readonly client: MqttClient;

  constructor(options: {
    readonly url: string;
    readonly id: string;
    readonly login: Login;
    readonly will: { readonly topic: string; readonly payload: Uint8Array };
    readonly topics: readonly string[];
  }) {
    super();
    this.client = connect(options.url, {
      clientId: options.id,
      ...credentials(options.id, options.login),
      protocolVersion: 4,
      clean: true,
      keepalive: KEEPALIVE_S,
      reconnectPeriod: RECONNECT_MS + Math.floor(Math.random() * RECONNECT_MS),
      connectTimeout: CONNECT_MS,
      // What must survive a lost link is in the outbox on disk; mqtt.js repeating it as well would deliver it twice.
      queueQoSZero: false,
      resubscribe: false,
      // It would keep a Buffer for every number of 16 bits: 7 MiB to save an allocation a publish.
      writeCache: false,
      will: { topic: options.will.topic, payload: Buffer.from(options.will.payload), qos: 1, retain: true },
    });
    // Each publish in flight listens for 'close'; their number is bounded by the callers.
    this.client.setMaxListeners(0);
    this.client.on('connect', () => {
      this.client.subscribe([...options.topics], { qos: 1 }, (error) => {
        if (!error || !this.client.connected) return;
        this.emit('trouble', `not subscribed: ${error.message}`);
        // Who speaks and does not hear would be ordered in vain, and not be halted: the next connection tries again.
        this.client.stream.destroy();
      });
      // What is said from now on stands behind the subscription in the stream, so its answers are heard: nothing waits
      // for the SUBACK, which on a satellite's link comes seconds later.
      this.emit('up');
    });
    this.client.on('close', () => this.emit('down'));
    // mqtt.js reconnects by itself; an unheard 'error' would end the process.
    this.client.on('error', (error) => this.emit('trouble', error.message));
    this.client.on('message', (topic, payload, { retain }) =>
      this.emit('message', topic, new Uint8Array(payload), retain),
    );
  }

  get connected(): boolean {
    return this.client.connected;
  }

  /** The next connection is made with this; the present one stays, since it proved itself when it began. */
  renewLogin(id: string, login: Login): void {
    Object.assign(this.client.options, credentials(id, login));
  }

  /** Sends now or not at all; resolves true when the broker has acknowledged it. */
  publish(topic: string, payload: Uint8Array, retain = false): Promise<boolean> {
    if (!this.client.connected) return Promise.resolve(false);
    return new Promise((resolve) => {
      const lost = () => resolve(false);
      this.client.once('close', lost);
      this.client.publish(topic, Buffer.from(payload), { qos: 1, retain }, (error) => {
        this.client.off('close', lost);
        resolve(!error);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      // A broker that acknowledges nothing any more is not waited for.
      const late = setTimeout(() => this.client.end(true, {}, () => resolve()), GOODBYE_MS);
      // Without force: a DISCONNECT is sent, so that the broker does not publish the will of one who said goodbye.
      this.client.end(!this.client.connected, {}, () => {
        clearTimeout(late);
        resolve();
      });
    });
  }
}
