import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** One thing in an archive. Owner, time and order are the archive's, so that two of the same things are the same bytes. */
export type Entry =
  | { readonly path: string; readonly kind: 'folder' }
  | { readonly path: string; readonly kind: 'link'; readonly to: string }
  | { readonly path: string; readonly kind: 'file'; readonly mode: Mode; readonly content: Content };

/** 0640: a secret may stand in it, as a join token in agent.env. */
type Mode = 0o640 | 0o644 | 0o755;

/** Bytes, or the file that they are read from when they are written: a whole tree would not be held in memory. */
export type Content = Uint8Array | { readonly file: string };

export const bytesOf = (content: Content): Uint8Array =>
  content instanceof Uint8Array ? content : readFileSync(content.file);

export const fileOf = (path: string, content: string | Content, mode: Mode = 0o644): Entry => ({
  path,
  kind: 'file',
  mode,
  content: typeof content === 'string' ? Buffer.from(content) : content,
});

/** The same entries below another folder. */
export const below = (folder: string, entries: readonly Entry[]): readonly Entry[] =>
  entries.map((entry) => ({ ...entry, path: `${folder}/${entry.path}` }));

/** `entries` in the order of their paths' bytes, with every folder that they lie in. Throws for a path that comes twice. */
export function whole(entries: readonly Entry[]): readonly Entry[] {
  const all = new Map<string, Entry>();
  for (const entry of entries) {
    if (all.get(entry.path) !== undefined && entry.kind !== 'folder') throw new Error(`${entry.path} comes twice`);
    all.set(entry.path, entry);
    const parts = entry.path.split('/').slice(0, -1);
    for (let n = 1; n <= parts.length; n++) {
      const path = parts.slice(0, n).join('/');
      if (!all.has(path)) all.set(path, { path, kind: 'folder' });
    }
  }
  return [...all.values()].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

const BLOCK = 512;
/** tar(5), ustar: a name of 100 bytes, before it a prefix of 155. */
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;

/** The chunks of a tar (POSIX ustar) of these entries, all root's and of `time` (seconds). Throws for a path that is too long. */
export function* tar(entries: readonly Entry[], time: number): Generator<Uint8Array> {
  for (const entry of whole(entries)) {
    const content = entry.kind === 'file' ? bytesOf(entry.content) : new Uint8Array();
    yield header(entry, content.length, time);
    if (content.length === 0) continue;
    yield content;
    yield Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  }
  yield Buffer.alloc(2 * BLOCK);
}

const FLAG = { file: '0', link: '2', folder: '5' } as const;

function header(entry: Entry, size: number, time: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const put = (text: string, at: number, room: number) => {
    if (Buffer.byteLength(text) > room) throw new Error(`${entry.path}: too long for a tar`);
    block.write(text, at);
  };
  const octal = (value: number, at: number, room: number) =>
    put(value.toString(8).padStart(room - 1, '0'), at, room - 1);
  const [prefix, name] = split(`./${entry.path}${entry.kind === 'folder' ? '/' : ''}`);
  put(name, 0, NAME_BYTES);
  octal(entry.kind === 'file' ? entry.mode : entry.kind === 'link' ? 0o777 : 0o755, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(time, 136, 12);
  put(FLAG[entry.kind], 156, 1);
  if (entry.kind === 'link') put(entry.to, 157, 100);
  put('ustar\x0000', 257, 8);
  put('root', 265, 32);
  put('root', 297, 32);
  put(prefix, 345, PREFIX_BYTES);
  // The sum is over the header with blanks where the sum will be.
  block.fill(0x20, 148, 156);
  const sum = block.reduce((all, byte) => all + byte, 0);
  put(`${sum.toString(8).padStart(6, '0')}\0`, 148, 8);
  return block;
}

function split(path: string): readonly [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= NAME_BYTES) return ['', path];
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
    const name = path.slice(at + 1);
    if (name !== '' && Buffer.byteLength(name) <= NAME_BYTES) return [path.slice(0, at), name];
  }
  return ['', path];
}

/** Writes a gzipped tar. The gzip header has neither name nor time; another zlib than this Node's may pack other bytes. */
export async function writeTarGz(path: string, entries: readonly Entry[], time: number): Promise<void> {
  await pipeline(Readable.from(tar(entries, time)), createGzip({ level: 6 }), createWriteStream(path));
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

/** Lines as `sha256sum -c` reads them, of every file among the entries. */
export function sumsOf(entries: readonly Entry[]): string {
  return whole(entries)
    .flatMap((entry) =>
      entry.kind === 'file'
        ? [`${createHash('sha256').update(bytesOf(entry.content)).digest('hex')}  ${entry.path}\n`]
        : [],
    )
    .join('');
}
