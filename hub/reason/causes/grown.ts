import { mib, number } from '../../evidence/words.ts';
import { command, type KnownCause } from './cause.ts';
import { isFilling } from './filling.ts';

const MIB = 1_048_576;
/** A folder that holds less than this part of the largest is not what fills a file system. */
const SHARE = 0.25;

/** A program that crashes again and again leaves its memory on the disk each time. */
const coreDumps: KnownCause = {
  id: 'core-dumps',
  class: 'core-dumps',
  find: (signs) => {
    const line = signs.line(/dumped core|core dump(?:ed|s)?\b|coredump/i);
    if (line === undefined || !isFilling(signs)) return null;
    const folder = signs.metrics(/^(?:folder|dir)/).find(({ label }) => /core|crash/.test(label ?? ''));
    const who = signs
      .line(/process \d+ \(([\w.@-]+)\).{0,40}(?:dumped core|core)|core dump.{0,40}\b(?:of|by|from) ([\w.@-]+)/i)
      ?.groups.find(Boolean);
    const again = signs.line(/restart counter is at (\d{1,6})/i);
    const change = signs.since(who);
    return {
      sentence: `${who ?? 'A program'} crashes again and again${again === undefined ? '' : ` (${again.groups[0]} restarts)`}, and its core dumps${folder?.label ? ` in ${folder.label} (${folder.words})` : ''} fill ${signs.fullMount() ?? 'the disk'}${change.words}.`,
      evidence: [line.id, ...signs.main, ...(again === undefined ? [] : [again.id]), ...change.ids],
      commands: [
        command('coredumpctl list --no-pager', 'Shows what crashed, when, and whose core dumps are kept.'),
        ...(signs.fullMount() === undefined
          ? []
          : [command(`du -xh --max-depth=2 ${signs.fullMount()}`, 'Shows which folders are large.')]),
      ],
      sure: folder !== undefined || again !== undefined ? 'decisive' : 'likely',
      fills: 'core',
      person: true,
    };
  },
};

/** A pool that was promised more than it has fills while each file system on it has room. */
const thinPool: KnownCause = {
  id: 'thin-pool',
  class: 'thin-pool-full',
  find: (signs) => {
    const line = signs.line(
      /\bthin\b.{0,80}(?:out.of.(?:data|metadata).space|no (?:free )?space|is now \d+(?:\.\d+)? ?% full|exhausted)|out-of-data-space|pool.{0,60}(?:data|metadata).{0,30}(?:exhausted|9\d(?:\.\d+)? ?%|100 ?%)|reached low water mark for (?:data|metadata) device/i,
    );
    if (line === undefined) return null;
    return {
      sentence:
        'The thin pool under the file systems (LVM, device mapper) is full, although they themselves have room: writes to it fail or hang until it is extended.',
      evidence: [line.id, ...signs.main],
      commands: [
        command('lvs -a', 'Shows how full each pool is.'),
        command('vgs', 'Shows whether there is room to extend it.'),
      ],
      sure: 'decisive',
      person: true,
    };
  },
};

/** What snapshots hold is deleted for everybody and free for nobody. */
const snapshots: KnownCause = {
  id: 'snapshots',
  class: 'snapshots-hold-space',
  find: (signs) => {
    const line = signs.line(
      /\b(?:snapper|timeshift|zfs-auto-snap\w*|sanoid|btrbk)\b|\bsnapshots?\b.{0,60}(?:used|hold|keep|kept|exclusive|[\d.]+ ?[GT]i?B)/i,
    );
    const mount = signs.fullMount();
    if (line === undefined || mount === undefined || !isFilling(signs)) return null;
    const change = signs.since('snapper', 'snapshot', 'retention', 'sanoid', 'btrbk');
    return {
      sentence: `Snapshots hold the space of ${mount}: what is deleted is not given back as long as one of them keeps it${change.words}.`,
      evidence: [line.id, ...signs.main, ...change.ids],
      commands: [
        command(`df -h ${mount}`, 'Shows how full it is.'),
        command('findmnt -o TARGET,SOURCE,FSTYPE,OPTIONS', 'Shows its kind of file system.'),
      ],
      sure: 'likely',
      person: true,
    };
  },
};

/** The folders that are watched tell where the space went: the largest, and every other that holds a good part of it. */
const folders: KnownCause = {
  id: 'folders',
  class: 'disk-full',
  find: (signs) => {
    const mount = signs.fullMount();
    if (mount === undefined || !isFilling(signs)) return null;
    const inside = signs
      .metrics(/^(?:folder|dir|directory)s?[._](?:used|size|bytes|space|mib)/)
      .flatMap(({ name, label, value }) =>
        label?.startsWith(mount === '/' ? '/' : `${mount}/`) === true && value !== undefined
          ? [{ label, bytes: /bytes/.test(name) ? value : value * MIB }]
          : [],
      )
      .sort((a, b) => b.bytes - a.bytes);
    const [first] = inside;
    if (first === undefined) return null;
    const large = inside.filter(({ bytes }) => bytes >= first.bytes * SHARE).slice(0, 3);
    const total = large.reduce((sum, { bytes }) => sum + bytes, 0);
    return {
      sentence: `What fills ${mount} lies in ${large.map(({ label, bytes }) => `${label} (${mib(bytes)}, ${number((100 * bytes) / total)} % of these)`).join(' and in ')}.`,
      evidence: signs.main,
      commands: [command(`du -xh --max-depth=2 ${mount}`, 'Shows which folders are large.')],
      sure: 'likely',
      person: true,
    };
  },
};

/** What grows where nobody looks. */
export const GROWN: readonly KnownCause[] = [coreDumps, thinPool, snapshots, folders];
