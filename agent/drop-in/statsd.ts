import { isIP } from 'node:net';
import { isScalar } from 'yaml';
import type { Section } from './section.ts';
import { WatchError } from './watch-error.ts';

/** Where applications may send their own numbers; nowhere until the site says so. */
export interface StatsdSettings {
  /** 0 where UDP is off. */
  readonly udp: number;
  readonly address: string;
  /** A unix socket's path; empty where it is off. */
  readonly socket: string;
}

const OFF: StatsdSettings = { udp: 0, address: '127.0.0.1', socket: '' };
/** A unix socket's address has room for 108 bytes. */
const MAX_SOCKET = 107;

/** `statsd: {udp: 8125, address: 127.0.0.1, socket: /run/app/statsd.sock}`; the first file that has it holds. */
export const statsdSection: Section<StatsdSettings> = {
  name: 'statsd',
  none: OFF,
  read: (reader, node) => {
    const map = reader.map(node, 'statsd', ['udp', 'address', 'socket']);
    const udp = reader.positive(map, 'udp') ?? 0;
    if (!Number.isInteger(udp) || udp > 65_535) reader.fail(map.get('udp', true), 'udp is no port', 'give 1 to 65535');
    const address = map.get('address', true);
    if (address !== undefined && (!isScalar(address) || isIP(String(address.value)) === 0)) {
      reader.fail(address, 'address is no IP address', 'give for instance `address: 127.0.0.1`');
    }
    const socket = reader.path(map, 'socket') ?? '';
    if (socket.length > MAX_SOCKET) reader.fail(map.get('socket', true), 'socket is too long', 'give a shorter path');
    if (udp === 0 && socket === '') reader.fail(map, 'statsd listens nowhere', 'give `udp: 8125` or `socket: /path`');
    return { udp, address: isScalar(address) ? String(address.value) : OFF.address, socket };
  },
  join: (said, refuse) => {
    const [first, ...others] = said.filter(({ value }) => value !== OFF);
    for (const { file } of others) {
      refuse(new WatchError('E_WATCH_FIELD', file, 1, 'statsd is declared in another file', 'declare it in one alone'));
    }
    return first?.value ?? OFF;
  },
};
