import type { Snapshot } from '../broker/messages.ts';
import type { Cause } from './cause.ts';
import type { NameMaker } from './names.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

const MIB = 1_048_576;
const HARDWARE = ['memory', 'cpu', 'pcie'] as const;

/** Where an incident happens: the mount, and what stands in the brackets of its metric. */
export interface Place {
  readonly mount: string;
  label(metric: string, world: World): string;
  /** The paths of a list that lie below the mount; those without a root are put there. */
  paths(list: readonly string[]): readonly string[];
  mounts(random: Random, names: NameMaker, base: string, value: number): Snapshot['mounts'];
}

export function placeFor(random: Random, names: NameMaker, cause: Cause | undefined, signal: string | null): Place {
  const mount = cause?.mounts === undefined ? anyMount(random, names) : random.pick(cause.mounts);
  const name = names.word();
  const hardware = random.pick(HARDWARE);
  const below = mount === '/' ? '' : mount;
  return {
    mount,
    label: (metric, world) => labelOf(metric, world, { name, hardware, mount }),
    paths(list) {
      const fits = list.filter((path) => !path.startsWith('/') || path.startsWith(`${below}/`));
      return (fits.length > 0 ? fits : list).map((path) => (path.startsWith('/') ? path : `${below}/${path}`));
    },
    mounts(chance, maker, base, value) {
      const own = signal?.startsWith('disk.') === true && base !== 'disk.await_ms';
      const used =
        base === 'disk.used_percent' ? value : base === 'disk.hours_left' ? chance.int(82, 97) : chance.int(10, 70);
      const inodes = base === 'disk.inodes_percent' ? value : chance.int(2, 40);
      const others = ['/', maker.folder()].filter((path) => path !== mount);
      return [
        ...(own || chance.chance(0.5) ? [mountRow(chance, mount, used, inodes)] : []),
        ...others.map((path) => mountRow(chance, path, chance.int(10, 75), chance.int(2, 40))),
      ];
    },
  };
}

const anyMount = (random: Random, names: NameMaker): string =>
  random.chance(0.8) ? names.folder() : random.pick(['/', '/home', '/var', '/srv']);

function labelOf(
  metric: string,
  world: World,
  { name, hardware, mount }: { readonly name: string; readonly hardware: string; readonly mount: string },
): string {
  if (/^disk\.(?:used|inodes|hours|read)/.test(metric)) return mount;
  if (metric.startsWith('unit.')) return world.unit;
  if (/^(?:group|folder|log|container|certificate|scrape)\./.test(metric)) return name;
  if (metric.startsWith('database.')) return world.db;
  if (/^kernel\.(?:oom_kills|crashes|hung_tasks)$/.test(metric)) return world.svc;
  if (/^kernel\.(?:disk_errors|readonly_remounts)$/.test(metric)) return world.dev;
  if (/^(?:kernel\.link_downs|network\.flaps|network\.link_down)$/.test(metric)) return world.if;
  if (metric === 'kernel.hardware_errors') return hardware;
  if (metric === 'kernel.bugs') return 'kernel';
  return metric === 'kernel.tables_full' ? 'conntrack' : '';
}

function mountRow(random: Random, path: string, used: number, inodes: number): Snapshot['mounts'][number] {
  const total = random.pick([2_000, 8_000, 20_000, 100_000, 900_000]) * MIB;
  const all = random.pick([65_536, 1_310_720, 6_553_600]);
  return {
    ...{ path, type: path.startsWith('/dev/') ? 'tmpfs' : random.pick(['ext4', 'xfs', 'btrfs']), total },
    ...{ used: Math.round((total * used) / 100), inodes: all, inodes_used: Math.round((all * inodes) / 100) },
  };
}

/** The folder that the agent looked into; null for what is no matter of folders. */
export function folderOf(
  base: string,
  label: string,
  files: readonly string[],
  mount: string,
  words: (wording: string) => string,
): string | null {
  if (/^disk\.(?:used|inodes|hours)/.test(base)) return label;
  if (!base.startsWith('folder.')) return null;
  const [first] = files;
  const root = mount === '/' ? '/srv' : mount;
  return first === undefined ? words(`${root}/{word}`) : first.split('/').slice(0, 4).join('/');
}
