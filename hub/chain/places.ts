import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { dirname, isAbsolute } from 'node:path';
import { z } from 'zod';
import type { Log } from '../../broker/log.ts';
import type { StateFolder } from '../../broker/state-folder.ts';
import { readConfigFile } from '../config-file.ts';
import type { CheckpointPlace, Sealed } from './checkpoints.ts';

const path = z.string().refine((one) => isAbsolute(one) && !one.includes('\0'), 'write an absolute path');
const file = z.strictObject({
  version: z.literal(1, 'write "version: 1"'),
  checkpoints: z
    .strictObject({
      /** Lines are added to it and nothing else: a file on another mount, best one that can't be written over. */
      file: path.optional(),
      /** A unix stream socket of a syslog daemon. */
      syslog: path.optional(),
    })
    .default({}),
});

/** What `audit.yaml` says of where checkpoints go. */
export type AuditPlaces = z.infer<typeof file>;

/** Reads `audit.yaml`; without it nothing is written beside the store. Throws ConfigError. */
export const readAuditPlaces = (path: string): AuditPlaces =>
  readConfigFile(path, file, { version: 1, checkpoints: {} });

/** The places that the site names. Throws ConfigError. */
export function openedPlaces(state: StateFolder, log: Log): readonly CheckpointPlace[] {
  const { checkpoints } = readAuditPlaces(state.audit);
  if (checkpoints.file !== undefined && isBeside(checkpoints.file, state.store))
    log.warn('checkpoints lie on the same mount as the store: who changes the one may change the other', {
      file: checkpoints.file,
    });
  return [
    ...(checkpoints.file === undefined ? [] : [filePlace(checkpoints.file)]),
    ...(checkpoints.syslog === undefined ? [] : [syslogPlace(checkpoints.syslog)]),
  ];
}

function isBeside(file: string, store: string): boolean {
  const device = (path: string) => statSync(path, { throwIfNoEntry: false })?.dev;
  return device(dirname(file)) === device(store);
}

/** A checkpoint as a line of JSON. The message alone counts when it is read again; the rest is for people. */
export function checkpointLine({ checkpoint, message }: Sealed): string {
  const { site, now, audit_head, root } = checkpoint;
  return JSON.stringify({
    site,
    at: new Date(now).toISOString(),
    records: audit_head.count,
    head: audit_head.hash,
    root: root === undefined ? null : Buffer.from(root).toString('hex'),
    message: Buffer.from(message).toString('base64'),
  });
}

/** Opened anew for each line, so that a mount that comes back is written again; a link is not followed. */
const filePlace = (file: string): CheckpointPlace => ({
  name: file,
  write: async (sealed) => {
    const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW } = constants;
    const fd = openSync(file, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o640);
    try {
      // One write: another's line must not come in between.
      const line = Buffer.from(`${isCutShort(file) ? '\n' : ''}${checkpointLine(sealed)}\n`);
      // A disk that is nearly full takes a part, and that is no error.
      if (writeSync(fd, line) < line.length) throw new Error('it took half a line');
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  },
});

/** Whether a full disk or a power cut has left half a line at its end; a file that may not be read is taken as whole. */
function isCutShort(file: string): boolean {
  const last = Buffer.from('\n');
  try {
    const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const { size } = fstatSync(fd);
      if (size > 0) readSync(fd, last, 0, 1, size - 1);
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
  return last.toString() !== '\n';
}

/** RFC 5424: facility 13 (log audit), severity 5 (notice). */
const PRIORITY = 13 * 8 + 5;
/** A daemon that does not take a line of some 500 bytes in this time is not there. */
const PATIENCE_MS = 5_000;

/** A line of RFC 5424 with a line feed after it (RFC 6587 section 3.4.2), on a connection of its own. */
const syslogPlace = (socket: string): CheckpointPlace => ({
  name: socket,
  write: (sealed) => {
    const at = new Date(sealed.checkpoint.now).toISOString();
    const line = `<${PRIORITY}>1 ${at} ${hostname()} sentinel-hub ${process.pid} checkpoint - ${checkpointLine(sealed)}\n`;
    return new Promise((resolve, reject) => {
      const connection = connect({ path: socket });
      connection.setTimeout(PATIENCE_MS, () => connection.destroy(new Error('it takes nothing')));
      connection.on('error', reject);
      connection.on('close', () => resolve());
      connection.end(line);
      // What it may answer is of no interest, and unread it would keep the connection open.
      connection.resume();
    });
  },
});
