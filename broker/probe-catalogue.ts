/**
 * The read-only questions that an agent answers (docs/design.md section 7). Nobody writes a question: it is chosen from
 * this list, and what it is about from the host's own inventory. Hub and agent both hold it, and both check against it.
 */

/** What a probe is about: nothing but the host, or one thing that the inventory or the evidence names. */
export type ProbeSubject = 'nothing' | 'unit' | 'folder' | 'process' | 'host';

interface ProbeEntry {
  readonly about: ProbeSubject;
  /** One line for a person or a model that chooses. */
  readonly what: string;
}

export const PROBES = {
  unit_log: { about: 'unit', what: 'the last lines that a unit logged' },
  unit_status: { about: 'unit', what: 'the state, restarts, memory and last exit of a unit' },
  kernel_log: { about: 'nothing', what: 'the last lines of the kernel' },
  log_patterns: { about: 'nothing', what: 'the kinds of warnings and errors that were logged, with their counts' },
  largest_folders: {
    about: 'folder',
    what: 'the largest folders and files of a mount or watched folder, and what grew',
  },
  deleted_files: {
    about: 'nothing',
    what: 'files that were deleted and still take space, since a process has them open',
  },
  open_files: { about: 'process', what: 'what a process has open: files, sockets, pipes' },
  process_detail: { about: 'process', what: 'the state, memory, threads, limits and unit of a process' },
  process_tree: { about: 'process', what: 'the parents and the children of a process' },
  top_processes: { about: 'nothing', what: 'the processes that use most processor time and memory now' },
  listening_ports: { about: 'nothing', what: 'the ports that are listened on, and by whom' },
  socket_summary: { about: 'nothing', what: 'how many sockets are in which state' },
  mounts: { about: 'nothing', what: 'every mount with its space, inodes and options' },
  disk_io: { about: 'nothing', what: 'how busy each disk is over one second' },
  memory: { about: 'nothing', what: 'where memory and swap are, and the pressure on memory, processor and disks' },
  recent_changes: { about: 'nothing', what: 'packages, unit files, configuration, boots and logins of the last days' },
  sessions: { about: 'nothing', what: 'who is logged in, from where' },
  certificates: { about: 'nothing', what: 'until when the certificates of this host are valid' },
  dns_lookup: { about: 'host', what: 'the addresses of a host that the inventory names' },
} as const satisfies Readonly<Record<string, ProbeEntry>>;

export type ProbeId = keyof typeof PROBES;

export const PROBE_IDS = Object.keys(PROBES) as readonly ProbeId[];

export const isProbe = (name: string): name is ProbeId => Object.hasOwn(PROBES, name);
