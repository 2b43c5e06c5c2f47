import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import type { AutomationRule } from '../../broker/automation-rule.ts';
import { syncFolder } from '../../broker/durable-file.ts';
import type { Birth, Metric } from '../../broker/messages.ts';
import type { AuditRecord } from '../chain/audit.ts';
import type { Member, Track } from '../correlate/memory.ts';
import type { Silence } from '../correlate/silences.ts';
import type { Incident } from '../incident.ts';
import type { Pending, Told } from '../notify/outbox.ts';
import type { EnrolledRecord, TokenRecord } from '../site/enrollment.ts';
import type { KnownAlert } from '../webhooks/alerts-known.ts';
import { headDamage, isEmpty, pageDamage } from './damage.ts';
import { newerThanThis } from './format.ts';
import type { Hold } from './holds.ts';

/** Whether an agent is there; apart from its birth, which is large and changes seldom. */
export interface Presence {
  readonly state: 'online' | 'dead' | 'stopped';
  readonly boot: string;
  readonly last_seen: number;
  /** How its telemetry came of late; absent before the first of a start. */
  readonly link?: LinkHealth;
}

/** The worst of an agent's last few seconds of telemetry, by the hub's clocks. */
export interface LinkHealth {
  /** Milliseconds from when a batch's newest sample was taken until it was here; null: the agent's clock is not known. */
  readonly late: number | null;
  /** Milliseconds from when a batch was here until it was on the disk and acknowledged; null: none was yet. */
  readonly stored: number | null;
  /** The newest frame of this start that is here, or known to be missing; 0 while those of an earlier start still come. */
  readonly through: number;
}

/** An agent's birth, with the hub's time at which it was heard. */
export type StoredBirth = Birth & { readonly heard?: number };

/** One line of an incident list: what can be shown without reading the whole incident. */
export interface IncidentSummary {
  readonly id: string;
  readonly state: Incident['state'];
  readonly severity: Incident['severity'];
  readonly host: string;
  readonly title: string;
  readonly opened: number;
  readonly updated: number;
  readonly owner: string;
}

/** What the running hub says of itself to readers of the store. */
export interface HubStatus {
  readonly site: string;
  readonly pid: number;
  readonly started: number;
  readonly live: boolean;
  readonly reasoner: string;
  readonly address: string;
  /** Where other hosts reach its broker, by TLS; absent where they don't. */
  readonly tls?: string;
  readonly stopped: number | null;
  /** The rule under which plans run with nobody there; absent: none. */
  readonly rule?: AutomationRule;
}

/**
 * One sample as it came: [columns, seq, ts, dt, scaled value ...]. `columns` says which of the agent's column lists the
 * values are of, `ts` is the agent's clock, `dt` what the next delta builds on. See `samples.ts`.
 */
export type StoredSample = readonly (number | null)[];

/** What the values of some samples are: the metrics of one schema of one start of an agent. */
export interface Columns {
  readonly boot: string;
  readonly schema: number;
  readonly metrics: readonly Metric[];
}

export class StoreError extends Error {
  readonly code: 'E_STORE_DAMAGED' | 'E_STORE_OPEN' | 'E_STORE_WRITE' | 'E_STORE_NEWER';
  constructor(code: StoreError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

const damaged = (folder: string, why: string): StoreError =>
  new StoreError(
    'E_STORE_DAMAGED',
    `${join(folder, 'data.mdb')} is damaged: ${why}. Keep it, and put the newest backup in its place (docs/operations.md).`,
  );

/**
 * Looks at a store before a hub opens it: `ran` says that a hub has worked on it before, `wasCutShort` that the last one
 * did not close it, and then it is read through. Rejects with E_STORE_DAMAGED.
 */
export async function refuseDamaged(
  folder: string,
  { ran, wasCutShort }: { readonly ran: boolean; readonly wasCutShort: boolean },
): Promise<void> {
  if (!existsSync(join(folder, 'data.mdb'))) return;
  if (isEmpty(folder)) {
    // LMDB would begin anew in it without a word.
    if (ran) throw damaged(folder, 'it is empty');
    return;
  }
  const why = headDamage(folder) ?? (wasCutShort ? await pageDamage(folder) : null);
  if (why !== null) throw damaged(folder, why);
}

/** The address space kept for the data file; the file itself grows with what is stored. */
const MAP_BYTES = 64 * 2 ** 30;
/** LMDB readers at once: the hub, the operators' TUIs and command lines. */
const READERS = 126;

/**
 * The hub's LMDB environment. One process writes (the hub, which holds the folder's claim); any number read, also
 * while no hub runs. What belongs together is written in one transaction: see `write`.
 */
export class Store {
  /** id -> incident. */
  readonly incidents: Database<Incident, string>;
  /** [opened, id] -> summary: the order of every list. */
  readonly summaries: Database<IncidentSummary, [number, string]>;
  /** [host, fingerprint] -> id of the incident that is not closed. */
  readonly active: Database<string, [string, string]>;
  /** [signal, opened, id] -> host of an incident that is not closed. */
  readonly signals: Database<string, [string, number, string]>;
  /** [incident, host, fingerprint] -> an event that the incident covers beside its own. */
  readonly members: Database<Member, [string, string, string]>;
  /** [host, fingerprint] -> what is remembered of it beside its incident. */
  readonly tracks: Database<Track, [string, string]>;
  readonly silences: Database<Silence, string>;
  readonly holds: Database<Hold, string>;
  /** n -> audit record, from 1. */
  readonly audit: Database<AuditRecord, number>;
  /**
   * The same records without a copy of their bytes, which are those of a shared buffer: good until the next read. A walk
   * along the whole chain spends more on copies than on its hashes.
   */
  readonly auditAtHand: Database<AuditRecord, number>;
  /** Records that it covers -> a checkpoint as the hub signed it. */
  readonly checkpoints: Database<Uint8Array, number>;
  readonly births: Database<StoredBirth, string>;
  readonly presence: Database<Presence, string>;
  /** [agent, ts by the hub's clock] -> sample. */
  readonly samples: Database<StoredSample, [string, number]>;
  /** [agent, n] -> columns, n growing with each start and each schema. */
  readonly columns: Database<Columns, [string, number]>;
  /** [agent, boot, channel] -> highest sequence number handled. */
  readonly handled: Database<number, [string, string, string]>;
  /** [host, plan] -> steady time at which a plan that ran alone took its part of the host's budget. */
  readonly alone: Database<number, [string, string]>;
  /** [agent, boot] -> the stretches of its events and results that are stored or known to be lost. */
  readonly heard: Database<readonly (readonly [number, number])[], [string, string]>;
  /** [channel, incident] -> what the channel is still to be told. */
  readonly notices: Database<Pending, [string, string]>;
  /** [channel, host, fingerprint] -> what the channel was told last, for as long as that counts. */
  readonly told: Database<Told, [string, string, string]>;
  /** [source, fingerprint] -> what was last heard of an alert of another system. */
  readonly alerts: Database<KnownAlert, [string, string]>;
  readonly meta: Database<unknown, string>;
  /** agent -> its key and certificates. */
  readonly enrolled: Database<EnrolledRecord, string>;
  /** agent -> its join token, by hash. */
  readonly tokens: Database<TokenRecord, string>;
  /** Called inside each transaction in which an incident comes into another state: what it writes is part of that. */
  onState: (incident: Incident) => void = () => {};
  private readonly root: RootDatabase;
  private readonly databases: Database[] = [];

  /** `beside` is a second writer, in a worker thread of the process that has the store open with `write`. */
  constructor(folder: string, mode: 'write' | 'beside' | 'read') {
    const why = mode === 'beside' ? null : headDamage(folder);
    if (why !== null) throw damaged(folder, why);
    // The data is for the group to read; the lock file for it to write, since a reader that can't register itself
    // may read pages that are being reused. A worker thread can't set the mask, and finds the files made.
    const umask = mode === 'beside' ? null : process.umask(0o027);
    try {
      this.root = open({
        path: folder,
        // Whatever the folder's name: lmdb takes one with a dot for a file.
        noSubdir: false,
        readOnly: mode === 'read',
        maxDbs: 32,
        maxReaders: READERS,
        mapSize: MAP_BYTES,
        // A commit that is reported must be on the disk: the next one does not overlap its flush.
        overlappingSync: false,
      });
      const db = <V, K extends string | number | readonly (string | number)[]>(name: string) => {
        const opened = this.root.openDB<V, K & (string | number | (string | number)[])>({ name });
        this.databases.push(opened as unknown as Database);
        return opened;
      };
      if (mode === 'write') {
        chmodSync(join(folder, 'lock.mdb'), 0o660);
        // LMDB flushes the file's content, and a new file's name is the folder's.
        syncFolder(folder);
      }
      // Before the others: those that are not there are made as they are opened, and a newer store is left as it is.
      this.meta = db('meta');
      const newer = newerThanThis(this.meta);
      if (newer !== null) {
        void this.root.close();
        throw new StoreError('E_STORE_NEWER', `${join(folder, 'data.mdb')}: ${newer} (docs/operations.md).`);
      }
      this.incidents = db('incidents');
      this.summaries = db('summaries');
      this.active = db('active');
      this.signals = db('signals');
      this.members = db('members');
      this.tracks = db('tracks');
      this.silences = db('silences');
      this.holds = db('holds');
      this.audit = db('audit');
      // An option of lmdb's encoder (msgpackr), which its types do not list.
      const atHand = { name: 'audit', copyBuffers: false };
      this.auditAtHand = this.root.openDB<AuditRecord, number>(atHand);
      this.checkpoints = db('checkpoints');
      this.births = db('births');
      this.presence = db('presence');
      this.samples = db('frames');
      this.columns = db('columns');
      this.handled = db('handled');
      this.alone = db('alone');
      this.heard = db('heard');
      this.notices = db('notices');
      this.told = db('told');
      this.alerts = db('alerts');
      this.enrolled = db('enrolled');
      this.tokens = db('tokens');
    } catch (error) {
      if (error instanceof StoreError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new StoreError('E_STORE_OPEN', `can't open the store in ${folder}: ${why}`);
    } finally {
      if (umask !== null) process.umask(umask);
    }
  }

  /**
   * Runs `puts` in one transaction and resolves when it is on the disk. When it throws, nothing of it is kept: a child
   * transaction, since lmdb commits what a plain one wrote before it threw.
   */
  async write<T>(puts: () => T): Promise<T> {
    try {
      return await this.root.childTransaction(puts);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new StoreError(
        'E_STORE_WRITE',
        `can't write the store: ${why}. Free disk space, then start the hub again.`,
      );
    }
  }

  /** Bytes of the pages that hold something; the file is larger, by pages that are free to be used again. */
  usedBytes(): number {
    return this.databases.reduce((bytes, db) => bytes + bytesOf(db.getStats() as unknown as PageCounts), 0);
  }

  /** Copies the store as of one moment into an empty folder, beside whoever writes; free pages are left out. */
  copyTo(folder: string): Promise<void> {
    return this.root.backup(folder, true);
  }

  /** Makes a reader see what other processes and threads have committed since. */
  refresh(): void {
    this.root.resetReadTxn();
  }

  close(): Promise<void> {
    return this.root.close();
  }
}

/** Of LMDB's MDB_stat, by lmdb's names. */
interface PageCounts {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

const bytesOf = ({ pageSize, treeBranchPageCount, treeLeafPageCount, overflowPages }: PageCounts): number =>
  pageSize * (treeBranchPageCount + treeLeafPageCount + overflowPages);
