import type { Watch } from '../watch.ts';
import { CertificatesSense } from './certificates.ts';
import { ClockSense } from './clock.ts';
import { ConntrackSense } from './conntrack.ts';
import { ContainersSense } from './containers/containers.ts';
import { CpuSense } from './cpu.ts';
import { DatabasesSense } from './databases/databases.ts';
import { DiskIoSense } from './disk-io.ts';
import type { DisksSense } from './disks.ts';
import { FilesSense } from './files.ts';
import { FoldersSense } from './folders.ts';
import type { GroupsSense } from './groups.ts';
import { JournalSense } from './journal/journal.ts';
import { LinksSense } from './links.ts';
import { LoadSense } from './load.ts';
import { LogsSense } from './logs/logs.ts';
import { MemorySense } from './memory.ts';
import { NetworkSense } from './network.ts';
import { PagingSense } from './paging.ts';
import { PressureSense } from './pressure.ts';
import type { ProcFiles } from './proc-files.ts';
import type { ProcessesSense } from './processes.ts';
import { ScrapeSense } from './scrape/scrape.ts';
import type { Sense } from './sense.ts';
import { StatsdSense } from './statsd/statsd.ts';
import { SwapSense } from './swap.ts';
import { ThermalSense } from './thermal.ts';
import { UptimeSense } from './uptime.ts';

/** What a sense may look at, and the three senses whose tables others read. */
export interface Senses {
  readonly proc: ProcFiles;
  /** The same for /sys. */
  readonly sys: ProcFiles;
  /** Where a sense keeps what it must know after a restart; undefined where nothing is kept. */
  readonly state: string | undefined;
  /** Seconds that this host's clock is ahead of the hub's; null where the hub was not heard lately. */
  readonly aheadOfHub: () => number | null;
  /** What the site declared, now: settings are read at each sample, so that they follow the files. */
  readonly watch: Watch;
  readonly cores: number;
  /** Milliseconds since the epoch. */
  readonly wall: () => number;
  /** Milliseconds that never jump. */
  readonly monotonic: () => number;
  readonly processes: ProcessesSense;
  readonly groups: GroupsSense;
  readonly disks: DisksSense;
}

/** How a sense comes to be. */
export interface SenseEntry {
  /** Made when it is first on, and anew after it was off: a rate over the pause would be no rate. */
  readonly make: (host: Senses) => Sense;
  /** Off until the site says on: it needs settings, or costs more than most hosts want to pay. */
  readonly off?: true;
  /** A sense that it reads, which runs for it even where the site wants no metrics of it. */
  readonly needs?: string;
}

/** Every sense by its name in `watch.d`, in the order in which they are asked and their metrics stand. */
export const SENSES: Readonly<Record<string, SenseEntry>> = {
  cpu: { make: ({ proc }) => new CpuSense(proc) },
  memory: { make: ({ proc }) => new MemorySense(proc) },
  swap: { make: ({ proc }) => new SwapSense(proc) },
  paging: { make: ({ proc }) => new PagingSense(proc) },
  pressure: { make: ({ proc }) => new PressureSense(proc) },
  load: { make: ({ proc, cores }) => new LoadSense(proc, cores) },
  disks: { make: ({ disks }) => disks },
  'disk-io': { make: ({ proc }) => new DiskIoSense(proc) },
  network: { make: ({ proc }) => new NetworkSense(proc) },
  links: { make: ({ sys }) => new LinksSense(sys) },
  conntrack: { make: ({ proc }) => new ConntrackSense(proc) },
  processes: { make: ({ processes }) => processes },
  files: { make: ({ proc, processes }) => new FilesSense(proc, processes), needs: 'processes' },
  groups: { make: ({ groups }) => groups, needs: 'processes' },
  folders: { make: ({ watch, monotonic }) => new FoldersSense(() => watch.folders(), monotonic) },
  thermal: { make: ({ sys }) => new ThermalSense(sys) },
  clock: { make: ({ wall, aheadOfHub }) => new ClockSense({ wall, aheadOfHub, root: '/' }) },
  uptime: { make: ({ proc, state }) => new UptimeSense(proc, state) },
  journal: {
    make: ({ watch, wall, monotonic, state }) =>
      new JournalSense({ state, wall, monotonic, ignored: () => watch.declared().units.ignore }),
  },
  logs: { make: ({ watch, wall, state }) => new LogsSense({ declared: () => watch.declared().logs, state, wall }) },
  certificates: {
    make: ({ watch, wall }) => new CertificatesSense(() => watch.declared().certificates, wall),
  },
  containers: { make: () => new ContainersSense() },
  databases: { make: ({ watch }) => new DatabasesSense(() => watch.declared().databases) },
  endpoints: { make: ({ watch, monotonic }) => new ScrapeSense(() => watch.declared().endpoints, monotonic) },
  statsd: { make: ({ watch, monotonic }) => new StatsdSense(() => watch.declared().statsd, monotonic) },
};

/** What a site may switch. */
export const SENSE_NAMES: readonly string[] = Object.keys(SENSES);

/** True when a sense is on: as the site said, else by its default. */
export const isOn = (name: string, switches: ReadonlyMap<string, boolean>): boolean =>
  switches.get(name) ?? SENSES[name]?.off !== true;
