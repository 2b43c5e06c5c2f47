import type { ProbeId } from '../../broker/probe-catalogue.ts';
import { certificates } from './certificates.ts';
import { dnsLookup, memory, recentChanges, sessions } from './host.ts';
import { largestFolders } from './largest-folders.ts';
import { kernelLog, logPatterns } from './logs.ts';
import { deletedFiles, openFiles } from './open-files.ts';
import type { Probe } from './probe.ts';
import { processDetail, processTree, topProcesses } from './process.ts';
import { listeningPorts, socketSummary } from './sockets.ts';
import { diskIo, mountTable } from './storage.ts';
import { unitLog } from './unit-log.ts';
import { unitStatus } from './unit-status.ts';

/** What answers each question of the catalogue. */
export const ANSWERS: Readonly<Record<ProbeId, Probe>> = {
  unit_log: unitLog,
  unit_status: unitStatus,
  kernel_log: kernelLog,
  log_patterns: logPatterns,
  largest_folders: largestFolders,
  deleted_files: deletedFiles,
  open_files: openFiles,
  process_detail: processDetail,
  process_tree: processTree,
  top_processes: topProcesses,
  listening_ports: listeningPorts,
  socket_summary: socketSummary,
  mounts: mountTable,
  disk_io: diskIo,
  memory,
  recent_changes: recentChanges,
  sessions,
  certificates,
  dns_lookup: dnsLookup,
};
