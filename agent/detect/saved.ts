/** "SBM1" */
const MAGIC = 0x53424d31;
/** A metric's name as in a message, what one metric may hold, and as many metrics as are followed. */
const MAX = { name: 1_024, bytes: 16_384, metrics: 512 } as const;
const HEADER = 8;
const ENTRY = 6;

/** What a Detector saved, as one file's content: at most 8 MB. */
export function packLearned(saved: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const entries = [...saved]
    .map(([name, bytes]) => ({ name: new TextEncoder().encode(name), bytes }))
    .filter(({ name, bytes }) => name.length <= MAX.name && bytes.length <= MAX.bytes)
    .slice(0, MAX.metrics);
  const size = entries.reduce((sum, { name, bytes }) => sum + ENTRY + name.length + bytes.length, HEADER);
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, entries.length);
  let at = HEADER;
  for (const { name, bytes } of entries) {
    view.setUint16(at, name.length);
    view.setUint32(at + 2, bytes.length);
    file.set(name, at + ENTRY);
    file.set(bytes, at + ENTRY + name.length);
    at += ENTRY + name.length + bytes.length;
  }
  return file;
}

/** The reverse; what is damaged or cut off is left out, and learned anew. Never throws. */
export function unpackLearned(file: Uint8Array): Map<string, Uint8Array> {
  const saved = new Map<string, Uint8Array>();
  if (file.length < HEADER) return saved;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (view.getUint32(0) !== MAGIC) return saved;
  const count = Math.min(MAX.metrics, view.getUint32(4));
  let at = HEADER;
  for (let i = 0; i < count && at + ENTRY <= file.length; i++) {
    const name = view.getUint16(at);
    const bytes = view.getUint32(at + 2);
    const end = at + ENTRY + name + bytes;
    if (name > MAX.name || bytes > MAX.bytes || end > file.length) break;
    const text = new TextDecoder().decode(file.subarray(at + ENTRY, at + ENTRY + name));
    saved.set(text, file.slice(at + ENTRY + name, end));
    at = end;
  }
  return saved;
}
