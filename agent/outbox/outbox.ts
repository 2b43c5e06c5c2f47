import { randomBytes } from 'node:crypto';
import type { LostStretch } from '../../broker/messages.ts';
import { fileStorage, type Storage } from '../ring/storage.ts';
import { Lost } from './lost.ts';
import { encodeRecord, type Found, findRecords, type Message, readRecord, STATE, STATE_AT } from './records.ts';

/** On the disk: some thousand messages of a host in trouble. Made whole at once, so a full disk still takes an alert. */
export const OUTBOX_BYTES = 4 * 1_048_576;
/** More than a month of trouble on one host; past it the oldest goes. The hub keeps track of as many out of order. */
export const WAITING_MAX = 2_000;
/** Where the disk takes nothing: what an agent may hold in memory. */
const MEMORY_BYTES = 1_048_576;
/** At the beginning of the file: what it is, and its salt. */
const TITLE = Buffer.from('outbox01');
const SALT_BYTES = 8;
const BEGIN = TITLE.length + SALT_BYTES;

/** A message that the hub has not yet said to have stored; its payload is read when it is sent. */
export interface Waiting extends Omit<Message, 'payload'> {
  /** Grows with every message, over starts too. */
  readonly order: number;
}

interface Place {
  readonly at: number;
  readonly size: number;
}

/**
 * Events and results in a file of fixed size, written round and round, until the hub's signed word covers them: what a
 * lost link, a killed hub or a killed agent can't lose (invariant 9). What falls off the end is remembered by number.
 */
export class Outbox {
  /** Why messages are kept in memory alone; null while the disk takes them. */
  trouble: Error | null = null;
  readonly #lost: Lost;
  readonly #storage: Storage | null;
  #salt: Uint8Array = randomBytes(SALT_BYTES);
  readonly #waiting = new Map<Waiting, Place | Uint8Array>();
  /** Where the next record goes. */
  #at = BEGIN;
  #order = 0;

  /** `file` is the ring; beside it `file`.lost says what fell off. Never throws: without a disk it goes on in memory. */
  constructor(file: string, bytes = OUTBOX_BYTES) {
    this.#lost = new Lost(`${file}.lost`);
    this.#storage = this.#open(file, bytes);
  }

  /** Oldest first. */
  waiting(): readonly Waiting[] {
    return [...this.#waiting.keys()];
  }

  /** What was lost and the hub does not know of, oldest first. */
  lost(): readonly LostStretch[] {
    return this.#lost.all();
  }

  /** How many messages that is. */
  get dropped(): number {
    return this.#lost.count;
  }

  /** What is to be published; null when the disk gives it back no more: then it counts as lost. */
  payload(waiting: Waiting): Uint8Array | null {
    const place = this.#waiting.get(waiting);
    if (place === undefined) return null;
    if (place instanceof Uint8Array) return place;
    const record = this.#read(place);
    if (record !== null && record.order === waiting.order) return record.message.payload;
    this.#drop(waiting);
    return null;
  }

  #read({ at, size }: { readonly at: number; readonly size: number }) {
    try {
      return readRecord(this.#storage?.read(at, size) ?? Buffer.alloc(0), this.#salt);
    } catch (error) {
      this.#complain(error);
      return null;
    }
  }

  /** On the disk when it returns; where `trouble` says that the disk does not take it, in memory alone. */
  add(message: Message): void {
    const { payload, ...said } = message;
    const waiting = { ...said, order: ++this.#order };
    this.#waiting.set(waiting, this.#write(encodeRecord(waiting.order, message, this.#salt)) ?? payload);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > WAITING_MAX && oldest !== undefined) this.#drop(oldest);
    this.#boundMemory();
  }

  /** The hub has stored everything of this boot between these two, or knows that it was lost. */
  stored(boot: string, from: number, to: number): void {
    for (const waiting of this.#waiting.keys()) {
      if (waiting.boot === boot && waiting.seq >= from && waiting.seq <= to) this.#forget(waiting);
    }
    this.#lost.noted(boot, from, to);
  }

  close(): void {
    this.#storage?.close();
  }

  #boundMemory(): void {
    const inMemory = [...this.#waiting].flatMap(([one, place]) =>
      place instanceof Uint8Array ? [{ one, bytes: place.length }] : [],
    );
    let bytes = inMemory.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { one, bytes: size } of inMemory) {
      if (bytes <= MEMORY_BYTES) return;
      bytes -= size;
      this.#drop(one);
    }
  }

  #drop(waiting: Waiting): void {
    this.#lost.add(waiting.boot, waiting.seq);
    this.#forget(waiting);
  }

  #forget(waiting: Waiting): void {
    const place = this.#waiting.get(waiting);
    this.#waiting.delete(waiting);
    if (place === undefined || place instanceof Uint8Array) return;
    try {
      // Not flushed: should a power cut undo it, the hub gets the message once more and knows it.
      this.#storage?.write(place.at + STATE_AT, Buffer.from([STATE.done]));
    } catch (error) {
      this.#complain(error);
    }
  }

  /** Where the record is now; null when the disk does not take it. */
  #write(record: Buffer): Place | null {
    const storage = this.#storage;
    if (storage === null || BEGIN + record.length > storage.size) return null;
    if (this.#at + record.length > storage.size) {
      this.#evict(this.#at, storage.size);
      this.#at = BEGIN;
    }
    this.#evict(this.#at, this.#at + record.length);
    try {
      storage.write(this.#at, record);
      storage.flush();
    } catch (error) {
      this.#complain(error);
      return null;
    }
    this.trouble = null;
    const place = { at: this.#at, size: record.length };
    this.#at += record.length;
    return place;
  }

  /** What lies between these two gives way. */
  #evict(from: number, to: number): void {
    for (const [waiting, place] of this.#waiting) {
      if (!(place instanceof Uint8Array) && place.at >= from && place.at < to) this.#drop(waiting);
    }
  }

  #complain(error: unknown): void {
    this.trouble = error instanceof Error ? error : new Error(String(error));
  }

  #open(file: string, size: number): Storage | null {
    try {
      const storage = fileStorage(file, size);
      const title = storage.read(0, BEGIN);
      if (title.subarray(0, TITLE.length).equals(TITLE)) {
        this.#salt = new Uint8Array(title.subarray(TITLE.length));
        this.#load(findRecords(storage.read(0, storage.size), this.#salt));
      } else {
        storage.write(0, Buffer.concat([TITLE, this.#salt]));
      }
      return storage;
    } catch (error) {
      this.#complain(error);
      return null;
    }
  }

  /** Takes up what an earlier start, or a power cut, has left. */
  #load(records: Iterable<Found>): void {
    const found = [...records].sort((a, b) => a.order - b.order);
    for (const { at, size, isWaiting, order, message } of found) {
      const { payload: _, ...said } = message;
      if (isWaiting) this.#waiting.set({ ...said, order }, { at, size });
      this.#order = order;
      this.#at = at + size;
    }
  }
}
