import type { Said } from '../broker/messages.ts';
import { redact } from '../broker/redact.ts';
import type { Growth } from './growth.ts';
import { findOpeners, type Opener } from './sense/open-files.ts';
import type { Sensor } from './sense/sensor.ts';

/** Of each list: what an operator reads. */
const LARGEST = 8;
const GROWERS = 5;
const NEWEST = 3;
const OPENERS = 8;
const MIB = 1_048_576;
/**
 * When deleted files that are still open are why a file system is full: a log of some kilobytes is ordinary, some mebibytes
 * of a large disk are not what it lacks.
 */
const HELD_THAT_MATTERS = { bytes: 16 * MIB, share: 0.05 } as const;

/**
 * Why a mount or folder is full: what grew since an earlier look, the largest and the newest files, and who has files
 * open there. Paths are the users' own words, and marked so. Where it is closed to this agent, that is said.
 */
export async function lookAtFolder(
  folder: string,
  sensor: Sensor,
  growth: Growth,
): Promise<{
  readonly facts: Readonly<Record<string, Said>>;
  readonly openers: readonly Opener[];
  /** Who keeps the most space of files that were deleted, where that matters to the file system mounted there. */
  readonly holder: Opener | undefined;
}> {
  const look = await growth.measure(folder).catch(() => null);
  const trusted = (text: string): Said => ({ text: redact(text, 400), trusted: true });
  const hostile = (text: string): Said => ({ text: redact(text, 400), trusted: false });
  const facts: Record<string, Said> = { path: trusted(folder) };
  if (look === null) {
    facts['entries'] = trusted('closed to this agent');
  } else {
    const { sizes, growers } = look;
    facts['entries'] = trusted(`${sizes.entries}${sizes.whole ? '' : ' or more'}`);
    growers.slice(0, GROWERS).forEach(({ path, by, size, within }, i) => {
      const minutes = Math.max(1, Math.round(within / 60_000));
      facts[`grower.${i + 1}`] = hostile(`+${mib(by)} in ${minutes} min, now ${mib(size)}: ${path}`);
    });
    sizes.files.slice(0, LARGEST).forEach(({ path, size }, i) => {
      facts[`file.${i + 1}`] = hostile(`${mib(size)} ${path}`);
    });
    const now = Date.now();
    sizes.newest.slice(0, NEWEST).forEach(({ path, size, written }, i) => {
      const seconds = Math.max(0, Math.round((now - written) / 1_000));
      facts[`newest.${i + 1}`] = hostile(`${mib(size)}, written ${seconds} s before: ${path}`);
    });
  }
  const pids = sensor.processes.top(Number.POSITIVE_INFINITY, (row) => row.start).map((row) => row.pid);
  // The sensing agent itself has the state folder open, and is nobody's culprit.
  const others = pids.filter((pid) => pid !== process.pid);
  const all = findOpeners(sensor.proc, others, folder);
  const openers = all.slice(0, OPENERS);
  openers.forEach(({ pid, writing, reading, example }, i) => {
    facts[`open.${i + 1}`] = hostile(`pid ${pid}: ${writing} written, ${reading} read, for instance ${example}`);
  });
  const holder = holderOf(all, sensor.disks.disks().find(({ path }) => path === folder)?.total);
  if (holder !== undefined) facts['held'] = trusted(`pid ${holder.pid} holds ${mib(holder.held)} of deleted files`);
  return { facts, openers, holder };
}

/** `total`: of the file system, in bytes; unknown where the folder is not where one is mounted. */
function holderOf(openers: readonly Opener[], total = Number.POSITIVE_INFINITY): Opener | undefined {
  const enough = Math.max(HELD_THAT_MATTERS.bytes, HELD_THAT_MATTERS.share * total);
  const [most] = openers.filter(({ held }) => held >= enough).sort((a, b) => b.held - a.held);
  return most;
}

const mib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;
