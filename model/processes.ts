import type { Snapshot, TopProcess } from '../broker/messages.ts';
import type { Cause } from './cause.ts';
import type { NameMaker } from './names.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

const MIB = 1_048_576;

export interface ShownProcesses {
  readonly lists: Pick<Snapshot, 'top_cpu' | 'top_mem' | 'top_fds'>;
  /** What the agent adds to its facts about them. */
  readonly facts: { readonly culprit?: number; readonly supervisor?: number; readonly unit?: string };
}

interface About {
  readonly base: string;
  readonly cause: Cause | undefined;
  /** The watched group that the culprit belongs to. */
  readonly group: string | undefined;
}

/** The rankings of a host's processes, with the one to blame where the agent would name one. */
export function processesOf(random: Random, names: NameMaker, world: World, about: About): ShownProcesses {
  const { base, cause, group } = about;
  // The agent names a process for a watched group, and for a host's memory, swap, processor and load (agent/capture.ts).
  const isNamed = base.startsWith('group.')
    ? base !== 'group.missing'
    : /^(?:memory\.used|swap|cpu\.percent|load\.per)/.test(base);
  const isOpener = /^(?:disk|folder)\./.test(base) && cause?.culprit === 'process' && base !== 'disk.await_ms';
  const named = isNamed || isOpener;
  const runs = named || cause?.culprit === 'process' || random.chance(0.15);
  const heavy = (yes: boolean, low: number, high: number, usual: number) =>
    yes ? random.int(low, high) : random.int(0, usual);
  const isMemory = /memory|swap/.test(base);
  const isFiles = /files/.test(base);
  const isCpu = /cpu|load|restarts|io_full|await|table|processes/.test(base);
  const main: TopProcess = {
    ...row(random, names, world.svc, world.pid),
    cpu: heavy(isCpu, 90, 390, 9),
    rss: heavy(isMemory, 900, 9_000, 200) * MIB,
    fds: heavy(isFiles, 4_000, 60_000, 90),
    ...(isMemory ? { growth: random.int(70, 900) * MIB } : {}),
    ...(group === undefined ? {} : { group }),
  };
  const rest = Array.from({ length: random.int(2, 4) }, () => row(random, names, names.program(), names.pid()));
  const rows = [...(runs ? [main] : []), row(random, names, world.other, world.otherpid), ...rest];
  const ranked = (by: (one: TopProcess) => number) => [...rows].sort((a, b) => by(b) - by(a));
  const inUnit = cause?.inUnit ?? random.chance(0.4);
  return {
    lists: {
      top_cpu: ranked((one) => one.cpu),
      top_mem: ranked((one) => one.rss),
      top_fds: ranked((one) => one.fds ?? 0),
    },
    facts: {
      ...(named ? { culprit: world.pid } : {}),
      ...(named && base === 'group.restarts_per_minute' ? { supervisor: world.pid } : {}),
      ...(named && inUnit ? { unit: world.unit } : {}),
    },
  };
}

function row(random: Random, names: NameMaker, comm: string, pid: number): TopProcess {
  return {
    process: { pid, start: pid * 7 + 3, comm },
    user: random.chance(0.5) ? names.word().slice(0, 8) : 'root',
    cmd: { text: `/usr/bin/${comm} --${names.word()}`, trusted: false },
    cpu: random.int(0, 60),
    rss: random.int(8, 700) * MIB,
    fds: random.int(5, 900),
    growth: random.int(0, 3) * MIB,
    age_s: random.int(30, 900_000),
  };
}
