/** What a line of the kernel's log says that happened, and to what. */
export interface KernelEvent {
  readonly kind: KernelEventKind;
  /** A process's name, a device, an interface: as the kernel printed it, so it may be a name that a user chose. */
  readonly subject: string;
}

export type KernelEventKind =
  | 'oom_kills'
  | 'disk_errors'
  | 'readonly_remounts'
  | 'link_downs'
  | 'hung_tasks'
  | 'hardware_errors'
  | 'crashes'
  | 'bugs'
  | 'tables_full';

/**
 * A form of message, from the source of Linux 5.10 to 6.18 (mm/oom_kill.c, block/blk-core.c, fs/ext4/super.c, ...).
 * `subject` is a group of the pattern, or a fixed word. Each pattern is tried on at most 1,024 characters, and none has a
 * repetition within another.
 */
interface Form {
  readonly kind: KernelEventKind;
  readonly pattern: RegExp;
  readonly subject?: string;
}

const FORMS: readonly Form[] = [
  // "Memory cgroup out of memory: Killed process 20024 (tail) total-vm:23144kB, ..."; before 5.0 "Kill process N (name) score".
  {
    kind: 'oom_kills',
    pattern: /out of memory.{0,24}: Kill(?:ed)? process \d+ \((.{1,15}?)\)(?:,| total-vm| score|$)/i,
  },
  // "I/O error, dev sda, sector 2048 op 0x0:(READ)"; older: "blk_update_request: I/O error, dev sda, sector 2048".
  { kind: 'disk_errors', pattern: /\b(?:I\/O|critical (?:medium|target|space allocation)) error, dev ([\w/.-]{1,64})/ },
  { kind: 'disk_errors', pattern: /Buffer I\/O error on (?:dev(?:ice)? )?([\w/.-]{1,64})/ },
  {
    kind: 'disk_errors',
    pattern: /^(?:EXT[234]-fs|BTRFS|F2FS-fs)[: ]{1,2}(?:error|critical) \(device ([\w/.-]{1,64})\)/,
  },
  {
    kind: 'disk_errors',
    pattern: /^XFS \(([\w/.-]{1,64})\): .{0,80}(?:[Cc]orruption|metadata I\/O error|log I\/O error)/,
  },
  { kind: 'disk_errors', pattern: /^(ata\d{1,4}(?:\.\d{1,3})?): (?:failed command|exception Emask|SError)/ },
  { kind: 'disk_errors', pattern: /^nvme (nvme\d{1,4}): (?:I\/O .{1,40}timeout|controller is down|Abort status)/ },
  // "EXT4-fs (sda1): Remounting filesystem read-only"
  { kind: 'readonly_remounts', pattern: /^EXT[234]-fs \(([\w/.-]{1,64})\): Remounting filesystem read-only/ },
  {
    kind: 'readonly_remounts',
    pattern: /^XFS \(([\w/.-]{1,64})\): (?:Filesystem has been shut down|.{0,80}[Ss]hutting down filesystem)/,
  },
  { kind: 'readonly_remounts', pattern: /^BTRFS[: ].{0,40}\(device ([\w/.-]{1,64})[^)]{0,40}\).{0,80}forced readonly/ },
  // "e1000e 0000:00:1f.6 eth0: NIC Link is Down"; "r8169 0000:02:00.0 enp2s0: Link is Down"
  { kind: 'link_downs', pattern: /([A-Za-z][\w.@-]{0,14}): (?:NIC )?[Ll]ink is [Dd]own/ },
  { kind: 'link_downs', pattern: /^bond\w{0,12}: .{0,40}link status definitely down for interface ([\w.@-]{1,15})/ },
  { kind: 'hung_tasks', pattern: /^INFO: task (.{1,15}?):\d+ blocked for more than \d+ seconds/ },
  { kind: 'hung_tasks', pattern: /soft lockup - CPU#\d+ stuck for \d+s! \[(.{1,15}?):\d+\]/ },
  { kind: 'hung_tasks', pattern: /^rcu: INFO: rcu_\w{1,24} (?:self-)?detected stalls?/, subject: 'rcu' },
  { kind: 'hardware_errors', pattern: /^mce: \[Hardware Error\]/, subject: 'cpu' },
  { kind: 'hardware_errors', pattern: /^EDAC .{0,16}: \d+ (?:CE|UE) /, subject: 'memory' },
  { kind: 'hardware_errors', pattern: /\bAER: .{0,40}(?:[Ee]rror)/, subject: 'pcie' },
  // "python3[1234]: segfault at 0 ip ..."; "traps: python3[1234] general protection fault ip:..."
  { kind: 'crashes', pattern: /^(.{1,15}?)\[\d+\]: segfault at / },
  { kind: 'crashes', pattern: /^traps: (.{1,15}?)\[\d+\] (?:general protection|trap |divide error)/ },
  {
    kind: 'bugs',
    pattern: /^(?:BUG: (?!soft lockup)|kernel BUG at |Oops: |general protection fault: |Kernel panic)/,
    subject: 'kernel',
  },
  { kind: 'tables_full', pattern: /nf_conntrack: .{0,40}table full/, subject: 'conntrack' },
  {
    kind: 'tables_full',
    pattern: /neighbour: (?:arp_cache|ndisc_cache): neighbor table overflow/,
    subject: 'neighbour',
  },
];

/** What a kernel message says that happened; null for most. Linear in its length, which the caller bounds. */
export function kernelEvent(message: string): KernelEvent | null {
  for (const { kind, pattern, subject } of FORMS) {
    const match = pattern.exec(message);
    if (match !== null) return { kind, subject: subject ?? match[1] ?? 'unnamed' };
  }
  return null;
}
