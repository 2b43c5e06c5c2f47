import { command, type KnownCause } from './cause.ts';
import { type Saying, sayingCause } from './saying.ts';

/** Whatever fails to start, to open or to answer. */
const OF_SERVICE =
  /^(?:unit|container|endpoint|group|log|journal|database|kernel)\.|http|latency|error|fail|_up\b|\.up\b|restart|availab|queue|reject|bgsave|aof|save/;
const OF_NETWORK = /net|http|conn|tcp|latency|loss|error|fail|timeout|reject|drop|\bup\b/;

const sysctl = (key: string, value: number, why: string) => command(`sysctl -w ${key}=${value}`, why);
const shows = (key: string) => command(`sysctl ${key}`, 'Shows the bound as it is.');

/** Bounds of the kernel that are met long before memory, disk or processors are short; each sends another error's words. */
const LIMITS: readonly Saying[] = [
  {
    id: 'inotify',
    class: 'inotify-limit',
    words:
      /inotify.{0,80}(?:limit|no space left|too many open files|max_user)|(?:limit|number) .{0,40}(?:file watchers|watches|inotify)|no space left on device.{0,60}(?:inotify|watch)|failed to (?:add|create).{0,20}watch.{0,40}(?:no space|too many)/i,
    explains: OF_SERVICE,
    means: ({ who }) =>
      `${who} gets no more watches on files (the limit of inotify, fs.inotify.max_user_watches or max_user_instances): "no space left" or "too many open files" is said of this limit, and neither the disk nor the descriptors are short`,
    after: ['inotify', 'sysctl', 'watch'],
    looks: () => [shows('fs.inotify.max_user_watches')],
    mends: () => [sysctl('fs.inotify.max_user_watches', 524_288, 'Gives room for more watches until the next boot.')],
  },
  {
    id: 'fork-refused',
    class: 'memory-overcommit',
    words:
      /can'?t save in background: fork|(?:can(?:not|'t)|could not|failed to|unable to|error) fork.{0,60}(?:cannot allocate memory|enomem|errno 12)|fork(?:\(\))?(?: failed)?: .{0,20}cannot allocate memory|\[errno 12\] cannot allocate memory.{0,40}(?:fork|subprocess|popen)|os::commit_memory.{0,60}(?:cannot allocate|errno=12)/i,
    unless: /killed process \d+/i,
    explains: /redis|bgsave|rdb|aof|save|unit|restart|error|fail|latency|memory|overcommit|commit/,
    means: ({ who, signs }) =>
      `${who} can not fork: the kernel refuses to promise memory for a copy of it (cannot allocate memory; overcommit, vm.overcommit_memory${signs.change(/overcommit/i) === undefined ? '' : ', which was changed'}), although memory may be free; that it can not write or save follows from that, and the disk is not at fault`,
    after: ['overcommit', 'sysctl', 'rebuilt', 'swap'],
    looks: () => [
      shows('vm.overcommit_memory'),
      command('cat /proc/meminfo', 'Shows CommitLimit and Committed_AS beside what is free.'),
    ],
    mends: () => [
      sysctl('vm.overcommit_memory', 1, 'Lets the kernel promise the copy, which is hardly ever written to.'),
    ],
  },
  {
    id: 'ipc-limit',
    class: 'ipc-limit',
    words:
      /semget.{0,60}no space left|could not create semaphores|couldn'?t create the .{0,40}mutex|shmget.{0,60}(?:no space left|invalid argument)|could not create shared memory segment|sem_init.{0,40}no space/i,
    explains: OF_SERVICE,
    means: ({ who }) =>
      `${who} gets no semaphore or shared memory: those of the system (SysV IPC limits) are used up, most often by what crashed processes left behind; "no space left" is not said of the disk`,
    after: ['shmmax', 'sem', 'sysctl', 'shared_buffers'],
    looks: () => [command('ipcs -s', 'Shows the semaphores, and who made them.')],
  },
  {
    id: 'shm-small',
    class: 'shared-memory-too-small',
    words:
      /could not resize shared memory segment|\/dev\/shm.{0,60}too small|shm_open.{0,60}(?:no space|cannot allocate)/i,
    explains: OF_SERVICE,
    means: ({ who }) =>
      `The shared memory (/dev/shm) that ${who} may use is too small for what it does (in a container 64 MiB unless --shm-size says more); "no space left" is not said of the disk`,
    after: ['shm', 'container', 'image'],
    looks: () => [command('df -h -t tmpfs', 'Shows how full the shared memory is.')],
  },
  {
    id: 'map-count',
    class: 'config-error',
    words: /max_map_count.{0,80}(?:too low|at least|increase|is \[?\d+)|max virtual memory areas/i,
    explains: OF_SERVICE,
    means: ({ who }) =>
      `${who} refuses to start: the kernel's bound of memory areas of one process (vm.max_map_count) is too low for it`,
    after: ['max_map_count', 'sysctl', 'rebuilt'],
    looks: () => [shows('vm.max_map_count')],
    mends: () => [sysctl('vm.max_map_count', 262_144, 'Sets what it asks for until the next boot.')],
  },
  {
    id: 'locked-memory',
    class: 'config-error',
    words:
      /mlock(?:all)?\b.{0,60}(?:cannot allocate|failed|not permitted)|memory is not locked|unable to lock jvm memory|rlimit_memlock/i,
    explains: OF_SERVICE,
    means: ({ who }) => `${who} may not lock its memory (LimitMEMLOCK is too low), and refuses to start or runs slower`,
    after: ['memlock', 'limit'],
  },
  {
    id: 'neighbour-table',
    class: 'neighbour-table-full',
    words:
      /neighbou?r(?: table|: arp_cache|: ndisc_cache).{0,40}overflow|arp_cache: .{0,20}overflow|neighbor table overflow/i,
    explains: OF_NETWORK,
    means: () =>
      "The kernel's table of neighbours (ARP cache, gc_thresh3) is full: new hosts of the local network can not be reached, as where a network is scanned or has grown large",
    after: ['vlan', 'subnet', 'netmask', 'scan'],
    looks: () => [command('ip -s neigh', 'Shows the neighbours that fill the table.')],
    mends: () => [sysctl('net.ipv4.neigh.default.gc_thresh3', 8_192, 'Gives the table more room until the next boot.')],
  },
  {
    id: 'listen-queue',
    class: 'listen-overflow',
    words:
      /possible syn flooding on port ([\d.:]+)|listen queue of a socket overflowed|accept queue.{0,20}(?:full|overflow)/i,
    explains: OF_NETWORK,
    means: ({ groups }) =>
      `More connections arrive${groups[0] ? ` at port ${groups[0]}` : ''} than are accepted, and the kernel answers with SYN cookies or drops them: a flood of connections, or a server that hangs or whose backlog (listen queue, somaxconn) is too short`,
    after: ['backlog', 'somaxconn', 'listen'],
    looks: () => [
      command('ss -ltn', 'Shows how full each listen queue is.'),
      command('ss -tn state syn-recv', 'Shows who connects.'),
    ],
  },
  {
    id: 'kernel-module',
    class: 'kernel-module-missing',
    words:
      /modprobe: (?:fatal|error): (?:module |could not insert )['"]?([\w-]+)|could not insert module ([\w.-]+)|\bdkms\b.{0,60}(?:error|failed|bad return)|disagrees about version of symbol|version magic '|module verification failed: (?:signature|required)|loading of (?:unsigned )?module.{0,40}rejected|key was rejected by service/i,
    explains: /./,
    means: ({ groups }) =>
      `A module of the kernel${groups.some(Boolean) ? ` (${groups.find(Boolean)})` : ''} is missing, not signed or built for another kernel: what needs its device or protocol can not work, as after a new kernel whose modules were not built (DKMS)`,
    after: ['kernel', 'linux-image', 'dkms', 'module'],
    looks: () => [
      command('uname -r', 'Shows the kernel that runs.'),
      command('lsmod', 'Shows the modules that are loaded.'),
    ],
  },
  {
    id: 'ptys',
    class: 'pty-exhausted',
    words: /pty allocation request failed|openpty.{0,40}(?:no such|out of|failed)|no more ptys|out of pty devices/i,
    explains: /./,
    means: () => 'No terminal (pty) is left: sessions that were never closed hold them all',
    looks: () => [command('who', 'Shows who is logged in.')],
  },
];

export const SAID_LIMITS: readonly KnownCause[] = LIMITS.map(sayingCause);
