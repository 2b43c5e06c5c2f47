import { type Columns, encodeRecord, KIND, type RingRecord, readRecord } from './records.ts';
import { fileStorage, memoryStorage, type Storage } from './storage.ts';

/** On the disk: a month of samples at two a minute, a day and a half at one every two seconds. */
export const RING_BYTES = 8 * 1_048_576;
/** Where the disk gives no room: what an agent may hold in memory. */
const MEMORY_BYTES = 1_048_576;
/** What is overwritten at once; a delta never builds on a frame of another segment. */
const SEGMENT = 65_536;
/** A keyframe's largest value is 9 bytes; the rest is heads, a number and a mark of what was stored. */
const roomFor = (values: number): number => 9 * values + 256;

/** One frame that waits, with what it holds. */
export interface Kept {
  readonly columns: Columns;
  readonly seq: number;
  readonly frame: Uint8Array;
}

/** A place in the ring: everything before it was handed out. */
export interface Place {
  readonly generation: number;
  readonly index: number;
}

interface Segment {
  readonly slot: number;
  readonly generation: number;
  /** Bytes of whole records. */
  used: number;
  columns: Columns | null;
  /** Of each start in it: its first and last frame. */
  readonly runs: Map<string, { first: number; last: number }>;
}

/**
 * The last samples of this host, on its disk until the hub's signed word that it stored them: a file of fixed size,
 * written round and round. What falls off the end is counted. Every segment says what its frames hold and begins with a
 * keyframe, so that what is left can always be read.
 */
export class Ring {
  /** Frames that fell off the end and were not stored at the hub. */
  dropped = 0;
  /** Why this ring is in memory; null while it is on the disk. */
  trouble: Error | null = null;
  private storage: Storage;
  private segments: Segment[] = [];
  private through = new Map<string, number>();
  /** The segment that is being read, taken apart. */
  private open: { generation: number; kept: Kept[] } | null = null;

  constructor(file: string, bytes = RING_BYTES) {
    try {
      this.storage = fileStorage(file, bytes);
      this.load();
    } catch (error) {
      this.trouble = error instanceof Error ? error : new Error(String(error));
      this.storage = memoryStorage(MEMORY_BYTES);
    }
  }

  /** Makes room for the next frame; true when that has to be a keyframe. */
  prepare(columns: Columns): boolean {
    const { last } = this;
    if (last === undefined || last.used + roomFor(columns.metrics.length) > SEGMENT) {
      this.turn(columns);
      return true;
    }
    if (isSame(last.columns, columns)) return false;
    const record: RingRecord = { kind: KIND.columns, ...columns };
    if (last.used + encodeRecord(record, last.generation).length + roomFor(columns.metrics.length) > SEGMENT) {
      this.turn(columns);
    } else {
      this.append(last, record);
      last.columns = columns;
    }
    return true;
  }

  /** Keeps one frame of what was prepared for. On a disk that takes nothing any more it goes on in memory. */
  add(seq: number, frame: Uint8Array): void {
    const segment = this.last;
    const columns = segment?.columns;
    if (segment === undefined || columns === null || columns === undefined) return;
    this.append(segment, { kind: KIND.frame, seq, frame });
    this.note(this.last ?? segment, columns.boot, seq);
    if (this.open?.generation === this.last?.generation) this.open?.kept.push({ columns, seq, frame });
  }

  /** The hub has stored this start's frames so far. */
  stored(boot: string, through: number): void {
    if (through <= (this.through.get(boot) ?? 0)) return;
    this.through.set(boot, through);
    const { last } = this;
    const record: RingRecord = { kind: KIND.stored, boot, through };
    // Only to spare the hub what it has: where there is no room for it, it is sent once more after a restart.
    if (last !== undefined && last.used + 64 < SEGMENT) this.append(last, record);
  }

  /** Where the first frame that the hub has not stored can be read from: the keyframe at it or before it. */
  start(again?: { readonly boot: string; readonly from: number }): Place | null {
    const isWanted = (boot: string, seq: number) =>
      again?.boot === boot ? seq >= again.from : seq > (this.through.get(boot) ?? 0);
    for (const segment of this.segments) {
      if (![...segment.runs].some(([boot, { last }]) => isWanted(boot, last))) continue;
      const kept = this.read(segment);
      let index = kept.findIndex(({ columns, seq }) => isWanted(columns.boot, seq));
      if (index < 0) continue;
      while (index > 0 && !isKeyframe(kept[index]?.frame)) index--;
      return { generation: segment.generation, index };
    }
    return null;
  }

  /** The frames in a row from this place on, at most so many and so many bytes; null when there is none yet. */
  next(
    place: Place,
    most: { readonly frames: number; readonly bytes: number },
  ): (Kept & { readonly frames: readonly Uint8Array[]; readonly place: Place; readonly more: boolean }) | null {
    for (const segment of this.segments) {
      if (segment.generation < place.generation) continue;
      const kept = this.read(segment);
      const from = segment.generation === place.generation ? place.index : 0;
      const first = kept[from];
      if (first === undefined) continue;
      const frames: Uint8Array[] = [];
      let bytes = 0;
      for (let i = from; frames.length < most.frames; i++) {
        const one = kept[i];
        if (one === undefined || one.columns !== first.columns || one.seq !== first.seq + frames.length) break;
        if (frames.length > 0 && bytes + one.frame.length > most.bytes) break;
        frames.push(one.frame);
        bytes += one.frame.length;
      }
      const index = from + frames.length;
      const more = index < kept.length || segment !== this.last;
      return { ...first, frames, place: { generation: segment.generation, index }, more };
    }
    return null;
  }

  /** This start's oldest and newest frame that are here, 0 without any. */
  summary(boot: string): { oldest: number; newest: number; dropped: number } {
    const runs = this.segments.flatMap(({ runs }) => runs.get(boot) ?? []);
    return { oldest: runs[0]?.first ?? 0, newest: runs.at(-1)?.last ?? 0, dropped: this.dropped };
  }

  close(): void {
    this.storage.close();
  }

  private get last(): Segment | undefined {
    return this.segments.at(-1);
  }

  /** Begins the next segment, over the oldest. */
  private turn(columns: Columns): void {
    const { last } = this;
    const slots = Math.floor(this.storage.size / SEGMENT);
    const slot = last === undefined ? 0 : (last.slot + 1) % slots;
    const old = this.segments.findIndex((segment) => segment.slot === slot);
    if (old >= 0) for (const segment of this.segments.splice(old, 1)) this.dropped += this.unstored(segment);
    const segment: Segment = { slot, generation: (last?.generation ?? 0) + 1, used: 0, columns, runs: new Map() };
    this.segments.push(segment);
    this.append(segment, { kind: KIND.columns, ...columns });
    for (const boot of new Set(this.segments.flatMap(({ runs }) => [...runs.keys()]))) {
      const through = this.through.get(boot);
      if (through !== undefined) this.append(segment, { kind: KIND.stored, boot, through });
    }
  }

  private unstored({ runs }: Segment): number {
    return [...runs].reduce(
      (sum, [boot, { first, last }]) => sum + Math.max(0, last - Math.max(first - 1, this.through.get(boot) ?? 0)),
      0,
    );
  }

  private append(segment: Segment, record: RingRecord): void {
    const bytes = encodeRecord(record, segment.generation);
    try {
      this.storage.write(segment.slot * SEGMENT + segment.used, bytes);
      segment.used += bytes.length;
    } catch (error) {
      this.toMemory(error, record);
    }
  }

  /** The disk takes nothing more: what it has stays there for the next start, and this one goes on in memory. */
  private toMemory(error: unknown, record: RingRecord): void {
    if (!this.storage.durable) throw error;
    this.trouble = error instanceof Error ? error : new Error(String(error));
    const { last } = this;
    this.storage = memoryStorage(MEMORY_BYTES);
    this.segments = [];
    this.open = null;
    if (last?.columns === null || last?.columns === undefined) return;
    const segment = { slot: 0, generation: last.generation + 1, used: 0, columns: last.columns, runs: new Map() };
    this.segments.push(segment);
    this.append(segment, { kind: KIND.columns, ...last.columns });
    if (record.kind === KIND.frame) this.append(segment, record);
  }

  private note(segment: Segment, boot: string, seq: number): void {
    const run = segment.runs.get(boot);
    if (run === undefined) segment.runs.set(boot, { first: seq, last: seq });
    else run.last = seq;
  }

  private read(segment: Segment): readonly Kept[] {
    if (this.open?.generation === segment.generation) return this.open.kept;
    const kept: Kept[] = [];
    let columns: Columns | null = null;
    for (const record of recordsOf(this.bytesOf(segment), segment.generation)) {
      if (record.kind === KIND.columns) columns = record;
      else if (record.kind === KIND.frame && columns !== null) {
        kept.push({ columns, seq: record.seq, frame: record.frame });
      }
    }
    this.open = { generation: segment.generation, kept };
    return kept;
  }

  /** A block that the disk gives back no more holds nothing: its frames show as a gap. */
  private bytesOf({ slot, used }: Segment): Buffer {
    try {
      return this.storage.read(slot * SEGMENT, used);
    } catch {
      return Buffer.alloc(0);
    }
  }

  /** Takes up what an earlier start, or a power cut, has left. */
  private load(): void {
    const found: Segment[] = [];
    for (let slot = 0; slot < Math.floor(this.storage.size / SEGMENT); slot++) {
      const bytes = this.storage.read(slot * SEGMENT, SEGMENT);
      const generation = readRecord(bytes, 0)?.generation;
      if (generation === undefined) continue;
      const segment: Segment = { slot, generation, used: 0, columns: null, runs: new Map() };
      for (const record of recordsOf(bytes, generation)) {
        segment.used += record.size;
        if (record.kind === KIND.columns) segment.columns = record;
        else if (record.kind === KIND.stored) {
          this.through.set(record.boot, Math.max(record.through, this.through.get(record.boot) ?? 0));
        } else if (segment.columns !== null) this.note(segment, segment.columns.boot, record.seq);
      }
      found.push(segment);
    }
    this.segments = found.sort((a, b) => a.generation - b.generation);
  }
}

function* recordsOf(bytes: Buffer, generation: number): Generator<RingRecord & { readonly size: number }> {
  for (let at = 0; ; ) {
    const read = readRecord(bytes, at);
    if (read === null || read.generation !== generation) return;
    yield { ...read.record, size: read.next - at };
    at = read.next;
  }
}

const isSame = (a: Columns | null, b: Columns): boolean => a?.boot === b.boot && a.schema === b.schema;

/** A keyframe is an array, a delta a byte string. */
const isKeyframe = (frame: Uint8Array | undefined): boolean => frame !== undefined && (frame[0] ?? 0) >> 5 === 4;
