import type { ProcFiles } from '../sense/proc-files.ts';
import { attempt, foreign, type Probe, plain } from './probe.ts';

const SHOWN = 60;
/** Links that the search for owners reads at most: some 60 ms. */
const LINKS = 20_000;

/** States of TCP, as the kernel numbers them (include/net/tcp_states.h). */
const STATES: Readonly<Record<string, string>> = {
  '01': 'established',
  '02': 'syn sent',
  '03': 'syn received',
  '04': 'fin wait 1',
  '05': 'fin wait 2',
  '06': 'time wait',
  '07': 'closed',
  '08': 'close wait',
  '09': 'last ack',
  '0A': 'listening',
  '0B': 'closing',
};
const LISTENS: Readonly<Record<string, string>> = { tcp: '0A', tcp6: '0A', udp: '07', udp6: '07' };

interface Row {
  readonly address: string;
  readonly state: string;
  readonly inode: string;
  /** Bytes that wait to be read: for a listening socket, connections that wait to be accepted. */
  readonly waiting: number;
}

/** Every port that is listened on, with the process where it may be known. */
export const listeningPorts: Probe = (_, { sensor: { proc, processes } }) => {
  const open = Object.entries(LISTENS).flatMap(([kind, state]) =>
    rowsOf(proc, kind).flatMap((row) => (row.state === state ? [{ kind, ...row }] : [])),
  );
  const wanted = new Set(open.map(({ inode }) => inode));
  const owners = new Map<string, string>();
  let left = LINKS;
  for (const { pid, comm } of processes.top(Number.POSITIVE_INFINITY, (row) => -row.pid)) {
    for (const number of attempt(() => proc.list(`${pid}/fd`), [])) {
      if (--left < 0 || owners.size === wanted.size) break;
      const inode = /^socket:\[(\d+)\]$/.exec(proc.link(`${pid}/fd/${number}`) ?? '')?.[1];
      if (inode !== undefined && wanted.has(inode) && !owners.has(inode)) owners.set(inode, `pid ${pid} ${comm}`);
    }
  }
  return [
    plain(`${open.length} sockets are listened on`),
    ...open.slice(0, SHOWN).map(({ kind, address, inode, waiting }) => {
      const queue = waiting > 0 ? `, ${waiting} wait` : '';
      return foreign(`${kind} ${address}${queue} by ${owners.get(inode) ?? 'a process closed to this agent'}`);
    }),
  ];
};

/** How many sockets are in which state; many in `close wait` are a program's leak, in `syn received` a flood. */
export const socketSummary: Probe = (_, { sensor: { proc } }) => {
  const counts = new Map<string, number>();
  for (const kind of ['tcp', 'tcp6']) {
    for (const { state } of rowsOf(proc, kind)) {
      const name = STATES[state] ?? 'unknown';
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  const stat = attempt(() => proc.text('net/sockstat').trim().split('\n'), []);
  return [
    ...[...counts].sort(([, a], [, b]) => b - a).map(([name, n]) => plain(`tcp ${name}: ${n}`)),
    ...stat.slice(0, 8).map(plain),
  ];
};

function rowsOf(proc: ProcFiles, kind: string): Row[] {
  const lines = attempt(() => proc.text(`net/${kind}`).split('\n').slice(1), []);
  return lines.flatMap((line) => {
    const [, local = '', , state = '', queues = '', , , , , inode = ''] = line.trim().split(/\s+/);
    const address = readAddress(local);
    if (address === null) return [];
    return [{ address, state, inode, waiting: Number.parseInt(queues.split(':')[1] ?? '0', 16) || 0 }];
  });
}

/** `0100007F:1F90` is 127.0.0.1:8080: each group of four bytes is in the host's own order. */
function readAddress(text: string): string | null {
  const match = /^((?:[0-9A-F]{8}){1,4}):([0-9A-F]{4})$/.exec(text);
  if (match === null) return null;
  const [, hex = '', port = ''] = match;
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).toReversed());
  const number = Number.parseInt(port, 16);
  if (bytes.length === 4) return `${bytes.map((byte) => Number.parseInt(byte, 16)).join('.')}:${number}`;
  const groups = Array.from({ length: 8 }, (_, i) =>
    `${bytes[2 * i]}${bytes[2 * i + 1]}`.replace(/^0{1,3}/, '').toLowerCase(),
  );
  return `[${groups.join(':').replace(/(?:^|:)0(?::0)+(?::|$)/, '::')}]:${number}`;
}
