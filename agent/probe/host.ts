import { lookup } from 'node:dns/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { readTail } from '../changes/bounded-read.ts';
import { recentChanges as readChanges } from '../changes/recent-changes.ts';
import { layoutOf, parseSessions, USER_PROCESS } from '../changes/sessions.ts';
import { bootTime } from '../sense/boot-time.ts';
import { attempt, foreign, type Probe, ProbeError, plain } from './probe.ts';

const MEMORY =
  /^(?:MemTotal|MemFree|MemAvailable|Buffers|Cached|SwapTotal|SwapFree|SwapCached|Dirty|Writeback|AnonPages|Shmem|Slab|SUnreclaim|PageTables|Committed_AS|CommitLimit|HugePages_Total):/;
const UTMP_BYTES = 65_536;
const SHOWN = 40;

/** Where memory is, and how much of the time something waited for memory, processor or disk. */
export const memory: Probe = (_, { sensor: { proc } }) => [
  ...proc
    .text('meminfo')
    .split('\n')
    .filter((line) => MEMORY.test(line))
    .map((line) => plain(line.replace(/\s+/g, ' '))),
  ...['memory', 'cpu', 'io'].flatMap((what) =>
    attempt(() => proc.text(`pressure/${what}`).trim().split('\n'), []).map((line) =>
      plain(`pressure ${what}: ${line}`),
    ),
  ),
];

/** What changed here lately, newest first. */
export const recentChanges: Probe = async (_, { root, now, sensor }) => {
  const changes = await readChanges({ root, now: now() }, bootTime(sensor.proc));
  if (changes.length === 0) return [plain('nothing that this agent can see changed within the last days')];
  return changes.map(({ ts, what }) => ({ text: `${new Date(ts).toISOString()} ${what.text}`, trusted: what.trusted }));
};

/** Who is logged in now, from where. */
export const sessions: Probe = (_, { root }) => {
  const tail = readTail(join(root, 'run/utmp'), UTMP_BYTES) ?? readTail(join(root, 'var/run/utmp'), UTMP_BYTES);
  if (tail === null) throw new ProbeError('E_PROBE_ABSENT', 'this host keeps no list of who is logged in');
  const here = parseSessions(tail.bytes, layoutOf(arch())).filter(({ type }) => type === USER_PROCESS);
  return [
    plain(`${here.length} logged in`),
    ...here.slice(-SHOWN).map(({ user, line, host, ts }) => {
      return foreign(`${user} on ${line}${host === '' ? '' : ` from ${host}`} since ${new Date(ts).toISOString()}`);
    }),
  ];
};

/**
 * The addresses of a host by the resolver that this host is configured with. Only names of the inventory come here
 * (invariant 11): a name of one's own choosing would carry data out.
 */
export const dnsLookup: Probe = async ({ name }) => {
  const began = performance.now();
  const found = await lookup(name, { all: true }).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'failed';
    throw new ProbeError('E_PROBE_FAILED', `${name} was not resolved: ${code}`);
  });
  const ms = Math.round(performance.now() - began);
  return [plain(`resolved in ${ms} ms`), ...found.slice(0, SHOWN).map(({ address }) => plain(address))];
};
