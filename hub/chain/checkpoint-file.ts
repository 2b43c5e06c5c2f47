import { readFileSync, statSync } from 'node:fs';
import { openFormerCheckpoint } from '../../broker/halts.ts';
import { type AuditHead, auditHead } from '../../broker/messages.ts';
import { record } from '../../broker/shape.ts';
import type { Seen } from './chain-walk.ts';

/** Some 150,000 checkpoints: each is a signature to check. */
const FILE_MAX = 64 * 2 ** 20;

export class CheckpointFileError extends Error {
  readonly code = 'E_CHECKPOINT_FILE';
}

/** An agent's `trust.json`, of which this says what it has seen of the chain. */
const memory = record({ audit: auditHead });

/** A checkpoint by one of these keys, as what an audit chain is held against. Throws SignatureError or ShapeError. */
export function seenBy(message: Uint8Array, keys: readonly Uint8Array[], site: string | null): Seen {
  const { now, audit_head, root, site: of } = openFormerCheckpoint(message, keys);
  if (site !== null && of !== site) throw new CheckpointFileError(`a checkpoint of the site ${of}`);
  return { ...audit_head, root: root ?? null, by: `the checkpoint of ${new Date(now).toISOString()}` };
}

/**
 * Reads what was seen of an audit chain outside its store: a checkpoint as it was published, the lines that the hub writes
 * beside its store, or an agent's `trust.json`, which nobody has signed. Throws CheckpointFileError that names the line.
 */
export function readSeen(file: string, keys: readonly Uint8Array[], site: string | null): readonly Seen[] {
  try {
    if (statSync(file).size > FILE_MAX) throw new CheckpointFileError('it is too long: give its end, tail -n 100000');
    const content = new Uint8Array(readFileSync(file));
    if (content[0] !== 0x7b) return [seenBy(withoutLineFeed(content), keys, site)];
    return readText(Buffer.from(content).toString('utf8'), file, keys, site);
  } catch (error) {
    if (error instanceof CheckpointFileError && error.message.startsWith(file)) throw error;
    throw new CheckpointFileError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Tools that print a message end it with a line feed, with which no checkpoint ends: its last part is a signature of 64 bytes. */
function withoutLineFeed(content: Uint8Array): Uint8Array {
  const signature = content.lastIndexOf(0x58, content.length - 66);
  const isExtra = content.at(-1) === 0x0a && signature === content.length - 67 && content[signature + 1] === 64;
  return isExtra ? content.subarray(0, -1) : content;
}

function readText(text: string, file: string, keys: readonly Uint8Array[], site: string | null): readonly Seen[] {
  const remembered = memoryIn(text);
  if (remembered !== null) return [{ ...remembered, root: null, by: `the agent whose memory is ${file}` }];
  const lines = text.split('\n');
  // The end of a line that is being written, or was when the power went.
  const whole = lines.slice(0, -1);
  return (whole.length === 0 ? lines : whole).flatMap((line, i) => {
    // The same, and the hub has begun another line behind it.
    if (whole.length > 1 && isCutShort(line)) return [];
    try {
      const { message } = JSON.parse(line) as { readonly message?: unknown };
      if (typeof message !== 'string') throw new CheckpointFileError('it has no message');
      return [seenBy(new Uint8Array(Buffer.from(message, 'base64')), keys, site)];
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new CheckpointFileError(`${file}:${i + 1}: ${why}`);
    }
  });
}

/** Whether it begins as a line of the hub's, and does not come to its end. */
function isCutShort(line: string): boolean {
  if (!line.startsWith('{"')) return false;
  try {
    JSON.parse(line);
    return false;
  } catch {
    return true;
  }
}

/** What an agent remembers; null where it is no such file. Throws ShapeError for one that makes no sense. */
function memoryIn(text: string): AuditHead | null {
  let one: unknown;
  try {
    one = JSON.parse(text);
  } catch {
    return null;
  }
  return typeof one === 'object' && one !== null && 'audit' in one ? memory(one, '').audit : null;
}
