import { command, type Found, type KnownCause } from './cause.ts';
import { bareName, speaksOf } from './changes.ts';
import { failing, isFailing, loops } from './failing.ts';
import type { Signs } from './signs.ts';

/** The largest frame of the Internet protocol on a link, and the smallest that IPv6 allows: what is set lies between. */
const MTU = { least: 1_280, most: 9_216 } as const;
const DEVICE = /^[a-z][a-z0-9.@-]{1,14}$/;

/** Small packets pass and large ones vanish: the two ends, or what lies between, differ in the size of a frame. */
const mtu: KnownCause = {
  id: 'mtu',
  class: 'mtu-mismatch',
  find: (signs) => {
    const set = signs.metric(/(?:^|[._])mtu(?:[._]|$)/);
    const said = signs.says(
      /fragmentation needed|frag(?:mentation)? needed|need to frag|message too long|packet too big|pmtu|mtu (?:mismatch|too|problem|exceed)|mtu of \d+|too large for (?:the )?(?:mtu|interface)|\bemsgsize\b/i,
    );
    const changed = signs.change(/\b(?:mtu|jumbo)\b(?:.{0,20}?(\d{3,5})\s*(?:->|→|to)\s*(\d{3,5}))?/i);
    const lossy = signs.metric(/retrans|timeout|fail|error|latency|stall|throughput|sessions?|queue|backlog|loss/);
    if (said === undefined && set === undefined && changed === undefined) return null;
    if (said === undefined && lossy === undefined) return null;
    const device = [
      set?.label,
      signs.change(/\(((?:en|eth|bond|br|vlan|wg|tun)[\w.-]{0,12})\)/)?.groups[0],
      signs.change(/\b((?:en[a-z]|eth|bond|br|vlan|wg|tun)[\w.-]{0,12})\b.{0,30}mtu/i)?.groups[0],
    ].find((one) => one !== null && one !== undefined && DEVICE.test(one));
    const before = Number(changed?.groups[0] ?? Number.NaN);
    const back = device !== undefined && before >= MTU.least && before <= MTU.most ? before : undefined;
    const change = signs.since('mtu', 'jumbo');
    return {
      sentence: `Large packets get lost and small ones pass (ping, the beginning of a connection): the packet size (MTU${set?.words ? ` ${set.words}` : ''}) of ${device ?? 'an interface'} does not fit the path or the switch, which carries less${change.words}.`,
      evidence: [...(said === undefined ? [] : [said.id]), ...signs.main, ...change.ids],
      commands: [
        command('ip -s link', 'Shows each interface with its MTU, errors and drops.'),
        command('ss -tin', 'Shows which connections send the same again and again.'),
        ...(back === undefined
          ? []
          : [
              command(
                `ip link set dev ${device} mtu ${back}`,
                'Goes back to the size that worked, until the next boot.',
                `ip link set dev ${device} mtu ${changed?.groups[1]}`,
              ),
            ]),
      ],
      sure:
        (set !== undefined || said !== undefined) && (changed !== undefined || said !== undefined)
          ? 'decisive'
          : 'likely',
      ...(back === undefined ? { person: true } : {}),
    };
  },
};

const SANDBOX =
  /protectsystem|protecthome|readonlypaths|inaccessiblepaths|readwritepaths|privatetmp|privatedevices|dynamicuser|restrict(?:addressfamilies|namespaces)|systemcallfilter|capabilityboundingset|nonewprivileges|memorydenywriteexecute|hardening|sandbox|read_?only_?root|--read-only|read_only: true|readonlyrootfilesystem|cap_drop/i;
const REFUSED =
  /read-only file ?system|\berofs\b|errno 30\b|permission denied|operation not permitted|\beacces\b|\beperm\b|readonly database|address family not supported|bad system call|status=31\/sys/i;

/** What one unit alone may not do, while the same works beside it: its own sandbox says no. */
const sandbox: KnownCause = {
  id: 'sandbox',
  class: 'sandbox-refused',
  find: (signs) => {
    const line = signs.says(REFUSED);
    const it = failing(signs);
    if (line === undefined || it === null || /^kernel:/.test(line.text)) return null;
    if (!isFailing(signs) && !signs.hasSignal('log.errors', 'log.new_error')) return null;
    if (signs.hasSignal('disk.read_only', 'kernel.readonly') || kernelSaysReadOnly(signs)) return null;
    const changed = signs.change(SANDBOX);
    const seccomp = /bad system call|status=31\/sys|address family not supported/i.test(line.text);
    const readOnly = /read-only file ?system|erofs|errno 30\b/i.test(line.text);
    // The right of a file is another matter: only what the setting itself or the file system says points to a sandbox.
    const bare = it.name.replace('Container ', '');
    const isOfIt = changed !== undefined && speaksOf(changed.text, bareName(bare));
    if (!isOfIt && !seccomp && !readOnly) return null;
    const change = signs.since(
      'protectsystem',
      'hardening',
      'readonlypaths',
      'sandbox',
      'read-only',
      'nonewprivileges',
      bare,
    );
    const actions: Found['commands'] = loops(signs) ? it.halt : [];
    return {
      sentence: `${it.name} is refused by its own sandbox (${readOnly ? 'read-only for it alone: ProtectSystem= or ReadOnlyPaths= without ReadWritePaths=, or a read-only container' : seccomp ? 'a filter of system calls or address families' : 'hardening in its unit or a drop-in'})${change.words}; the disk, its mount and the rights of its files are sound, and another start changes nothing.`,
      evidence: [line.id, ...signs.main, ...change.ids],
      commands: [
        ...it.look,
        ...(bare === it.name ? [command(`systemctl cat ${it.name}`, 'Shows the unit with its drop-ins.')] : []),
        ...actions,
      ],
      sure: 'decisive',
      ...(actions.length > 0 ? {} : { person: true }),
      futile: [
        'service-failed',
        'read-only-filesystem',
        'permission-denied',
        'container-restart-loop',
        'bad-upgrade',
        'crash-loop',
      ],
    };
  },
};

/** A file system that is read-only for everybody is said so by the kernel. */
export const kernelSaysReadOnly = (signs: Signs): boolean =>
  signs
    .lines()
    .some(
      ({ text }) =>
        /kernel|ext4-fs|xfs|btrfs|f2fs|jbd2/i.test(text.slice(0, 40)) &&
        /read-only|readonly|shut ?down|abort/i.test(text) &&
        !/read-only switch|write-enable/i.test(text),
    );

/** A program for another kind of processor: no start of it can work. */
const architecture: KnownCause = {
  id: 'architecture',
  class: 'wrong-architecture',
  find: (signs) => {
    const line = signs.says(
      /exec format error|cannot execute binary file|platform \(?linux\/\w+.{0,60}does not match|wrong elf class|no matching manifest for linux\/\w+|image.{0,60}(?:platform|architecture).{0,40}(?:mismatch|does not match)|qemu-\w+: could not open/i,
    );
    const it = failing(signs);
    if (line === undefined || it === null || !isFailing(signs)) return null;
    const kinds = signs.says(/platform \(?(linux\/[\w/]+)\)? does not match .{0,40}\(?(linux\/[\w/]+)\)?/i);
    const bare = it.name.replace('Container ', '');
    const change = signs.since(bare, 'image', 'pull', 'build', 'arch');
    const [built = '', here = ''] = kinds?.groups ?? [];
    return {
      sentence: `${it.name} can not be executed (exec format error): its image or program was built for another architecture${built === '' ? '' : ` (${built})`} than this host has${here === '' ? '' : ` (${here})`}${change.words}; one built for it, or the version before, is needed.`,
      evidence: [line.id, ...(kinds === undefined ? [] : [kinds.id]), ...signs.main, ...change.ids],
      commands: [...it.look, command('uname -m', 'Shows the architecture of this host.'), ...it.halt],
      sure: 'decisive',
      ...(it.own ? {} : { person: true }),
      futile: [
        'container-restart-loop',
        'service-failed',
        'bad-upgrade',
        'crash-loop',
        'config-error',
        'hardware-fault',
      ],
    };
  },
};

/** A line of a serial device that two programs read: each takes the answers of the other. */
const PORT = /\/dev\/(tty(?:USB|ACM|S|AMA|SC|mxc)\d+|serial\/by-[a-z]+\/[\w.:-]+|can\d)/;
const GARBLED = /\bcrc\b|checksum|timed? ?out|timeout|framing|garbage|unexpected|busy|collision/i;
const serialShared: KnownCause = {
  id: 'serial-shared',
  class: 'serial-shared',
  find: (signs) => {
    const holders = new Map<string, typeof signs.processes>();
    for (const process of signs.processes) {
      const told = signs.evidence.items.find(
        ({ kind, text }) =>
          kind === 'fact' &&
          new RegExp(`^[a-z]+(?:\\.\\d+)?: pid ${process.process.pid}\\b`).test(text) &&
          PORT.test(text),
      );
      const port = PORT.exec(process.cmd.text)?.[1] ?? PORT.exec(told?.text ?? '')?.[1];
      if (port !== undefined) holders.set(port, [...(holders.get(port) ?? []), process]);
    }
    // A program and its own children hold one line together.
    const shared = [...holders].find(([, all]) => new Set(all.map((one) => signs.program(one))).size >= 2);
    if (shared === undefined || signs.isOfHost) return null;
    const [port, all] = shared;
    const garbled = signs
      .lines()
      .find(
        ({ text }) =>
          GARBLED.test(text) && [port, ...all.map((one) => signs.program(one))].some((one) => text.includes(one)),
      );
    if (garbled === undefined) return null;
    // Who came last is who the line was not made for.
    const [newest, ...others] = [...all].sort((a, b) => (a.age_s ?? 0) - (b.age_s ?? 0));
    const [oldest] = others.slice(-1);
    if (newest === undefined || oldest === undefined) return null;
    const unit = signs.unitOf(newest);
    const change = signs.since(port, signs.program(newest), unit, 'serial', 'modbus');
    const clear = (oldest.age_s ?? 0) > 10 * (newest.age_s ?? 0) && unit !== undefined;
    return {
      sentence: `Two programs use the same serial line ${port} at once, ${signs.name(oldest)} and ${signs.name(newest)}: two masters on one bus, whose frames collide (CRC errors, timeouts)${change.words}.`,
      evidence: [garbled.id, ...signs.main, ...all.slice(0, 3).flatMap((one) => signs.itemOf(one)), ...change.ids],
      commands: [
        command(`lsof /dev/${port}`, 'Shows who has the line open.'),
        ...(clear
          ? [command(`systemctl stop ${unit}`, 'Leaves the line to who had it before.', `systemctl start ${unit}`)]
          : []),
      ],
      sure: 'decisive',
      ...(clear ? {} : { person: true }),
      futile: ['fieldbus-silent', 'service-failed', 'modem-hang'],
    };
  },
};

/** A setting or a build that does not fit where it is used. */
export const SETTINGS: readonly KnownCause[] = [mtu, sandbox, architecture, serialShared];
