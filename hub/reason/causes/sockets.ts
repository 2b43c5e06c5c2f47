import type { TopProcess } from '../../evidence/processes.ts';
import { command, end, type KnownCause, restart } from './cause.ts';
import type { Signs } from './signs.ts';

/** Open files of one process from which on it is the sockets that count. */
const MANY_FILES = 1_000;
/** A process this far above the next one stands out. */
const DOMINANT = 2;
/** Seconds: a process that runs for less was started for what it does now. */
const NEW_S = 86_400;

const MADE_FOR_IT = /scan|nmap|masscan|crawl|zmap|flood|loadtest|\bab\b|\bwrk\b|\bhey\b|discover/i;

/**
 * Who opens very many connections: whom the look at the host says it of, else who holds by far the most open files, else
 * what was made for it. Being busy points to none.
 */
function opener(signs: Signs): TopProcess | undefined {
  const told = signs.told(
    /\b\d[\d,.]{2,}k? .{0,30}(?:sockets?|connections?|flows?|sessions?)\b|syn.?sent|time.?wait|close.?wait/i,
  );
  if (told !== undefined) return told.process;
  const [first, second] = [...signs.processes].sort((a, b) => (b.fds ?? 0) - (a.fds ?? 0));
  if (first?.fds !== undefined && first.fds >= MANY_FILES && first.fds >= (second?.fds ?? 0) * DOMINANT) return first;
  return signs.process(MADE_FOR_IT);
}

/** The address that most lines name as their source: behind a router the opener is another host. */
function sourceOf(signs: Signs): string | undefined {
  const counts = new Map<string, number>();
  for (const { text } of signs.lines()) {
    const from = /\b(?:src[=: ]|from |client[: ]+)\[?((?:\d{1,3}\.){3}\d{1,3})\b/i.exec(text)?.[1];
    if (from !== undefined) counts.set(from, (counts.get(from) ?? 0) + 1);
  }
  const [first, second] = [...counts].sort((a, b) => b[1] - a[1]);
  return first !== undefined && first[1] >= 2 && first[1] > (second?.[1] ?? 0) ? first[0] : undefined;
}

/** A full table drops new connections, whoever they are from. */
const conntrack: KnownCause = {
  id: 'conntrack',
  class: 'conntrack-full',
  find: (signs) => {
    const line = signs.line(/nf_conntrack: table full|conntrack.{0,20}full/i);
    const used = signs.metric(/conntrack/);
    if (line === undefined && (used?.value ?? 0) < 80) return null;
    const process = opener(signs);
    const source = process === undefined ? sourceOf(signs) : undefined;
    const change = signs.since(process && signs.program(process), 'conntrack', 'firewall');
    const who =
      process !== undefined
        ? `; ${signs.name(process)} opens very many`
        : source !== undefined
          ? `; most of those that are named come from ${source}`
          : '';
    // A service that runs for long may only be asked by many: what was started lately for this is ended.
    const isStray = process !== undefined && signs.unitOf(process) === undefined && (process.age_s ?? 0) < NEW_S;
    return {
      sentence: `The connection tracking table (conntrack) is full${used?.words ? ` (${used.words})` : ''}, and new connections are dropped${who}${change.words}.`,
      evidence: [
        ...signs.main,
        ...(line === undefined ? [] : [line.id]),
        ...(process === undefined ? [] : signs.itemOf(process)),
        ...change.ids,
      ],
      commands: [
        command('conntrack -S', 'Shows what the table refuses.'),
        command('sysctl -w net.netfilter.nf_conntrack_max=262144', 'Gives the table more room until the next boot.'),
        ...(isStray ? [end(process.process.pid)] : []),
      ],
      sure: 'decisive',
    };
  },
};

/** Outgoing ports that wait in TIME_WAIT, or that nobody closes, are used up. */
const ports: KnownCause = {
  id: 'ephemeral-ports',
  class: 'port-exhaustion',
  find: (signs) => {
    const line = signs.line(
      /cannot assign requested address|eaddrnotavail|no (?:free|available|more) (?:local |ephemeral |source )?ports?|(?:local|ephemeral|source) ports? .{0,20}exhaust/i,
    );
    const waiting = signs.metric(/time_?wait|close_?wait|sockets|ephemeral/);
    const process = waiting === undefined ? signs.told(/time.?wait|close.?wait|ephemeral/i)?.process : opener(signs);
    // An address that is not there yet is refused in the same words.
    if (line === undefined || (waiting === undefined && process === undefined) || signs.hasSignal('host.reboot'))
      return null;
    const unit = process && signs.unitOf(process);
    const leaks = signs.told(/close.?wait/i) !== undefined || /close_?wait/.test(waiting?.name ?? '');
    const change = signs.since(process && signs.program(process), unit);
    const why = leaks
      ? 'never closes those that the other side has ended (CLOSE_WAIT)'
      : 'opens a connection for each request instead of keeping some (TIME_WAIT)';
    return {
      sentence: `Outgoing ports are used up (ephemeral port exhaustion${waiting?.words ? `, ${waiting.words} sockets wait` : ''}): ${process === undefined ? 'a client' : signs.name(process)} ${why}${change.words}.`,
      evidence: [line.id, ...signs.main, ...(process === undefined ? [] : signs.itemOf(process)), ...change.ids],
      commands: [
        command('ss -s', 'Counts the sockets by state.'),
        command('ss -tn state time-wait', 'Shows where they went.'),
        ...(leaks && unit !== undefined ? [restart(unit)] : []),
      ],
      sure: 'decisive',
      ...(leaks && unit !== undefined ? {} : { person: true }),
    };
  },
};

/** Tables of connections and ports that are used up. */
export const SOCKETS: readonly KnownCause[] = [conntrack, ports];
