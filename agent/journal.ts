import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { syncFolder } from '../broker/durable-file.ts';
import type { Phase, Result } from '../broker/messages.ts';

/** What came of one step, as it is reported now and at every later question. */
export type Ending = Pick<
  Result,
  'state' | 'code' | 'exit' | 'signal' | 'started' | 'ended' | 'stdout' | 'stderr' | 'truncated'
>;

/** What the journal knows of a step: never begun, begun and not ended (its outcome is unknown for ever), or ended. */
export type Known =
  | { readonly state: 'fresh' }
  | { readonly state: 'begun' }
  | { readonly state: 'ended'; readonly ending: Ending };

/** A step of an approved plan: the pair that runs at most once, whatever order brings it (docs/design.md section 3). */
export interface StepId {
  readonly approval: string;
  readonly phase: Phase;
  readonly number: number;
}

/** What is kept of a step's beginning beside when it was. */
export interface Begun {
  /** Nobody was there, a rule let it run: milliseconds that the machine had been up then. */
  readonly alone?: number | undefined;
  /** SHA-256 of the approval's payload, hex. */
  readonly digest?: string | undefined;
}

const keyOf = ({ approval, phase, number }: StepId): string => `${approval}/${phase}.${number}`;

/** The journal can't be read or written: nothing may be run without it. */
export class JournalError extends Error {
  readonly code = 'E_JOURNAL';
}

/**
 * The agent's durable memory of what it has begun and ended: a JSON line each, flushed before it is relied on. What
 * a crash left of a half-written line is cut off; a begun step without an end stays unknown. Throws JournalError.
 */
export class Journal {
  private readonly steps = new Map<string, Known>();
  /** Approvals that nobody gave, and when the last step of each so far began, in steady time. */
  private readonly alone = new Map<string, number>();
  /** The last of those: the machine's uptime then, and steady time. */
  private last = { up: 0, steady: 0 };
  /** The very approval that each name stood for when its first step began. */
  private readonly digests = new Map<string, string>();
  /** When the last of an approval's steps began, by the time that was given. */
  private readonly lastSteps = new Map<string, number>();
  private readonly file: string;
  private readonly fd: number;
  /** Bytes of whole lines. */
  private size: number;
  private broken = false;

  constructor(file: string) {
    this.file = file;
    try {
      const whole = existsSync(file) ? this.load(readFileSync(file)) : 0;
      this.fd = openSync(file, 'a', 0o640);
      this.size = whole;
      if (fstatSync(this.fd).size > whole) this.cut();
      syncFolder(dirname(file));
    } catch (error) {
      throw error instanceof JournalError ? error : new JournalError(`${file}: ${messageOf(error)}`);
    }
  }

  known(step: StepId): Known {
    return this.steps.get(keyOf(step)) ?? { state: 'fresh' };
  }

  /** On the disk when it returns: only then may the step be spawned. Throws when the disk does not take it. */
  begin(step: StepId, at: number, { alone, digest }: Begun = {}): void {
    const kept = { ...(alone === undefined ? {} : { alone }), ...(digest ? { digest } : {}) };
    this.append({ step: keyOf(step), begun: at, ...kept });
    this.note(step.approval, { alone, digest });
    if (step.phase === 'step') this.lastSteps.set(step.approval, at);
    this.steps.set(keyOf(step), { state: 'begun' });
  }

  /** The digest of the approval under whose name the first step began; undefined when none has. */
  digestOf(approval: string): string | undefined {
    return this.digests.get(approval);
  }

  /** When the last of the approval's steps began, pre-checks and undoing not among them; undefined when none has. */
  lastStepOf(approval: string): number | undefined {
    return this.lastSteps.get(approval);
  }

  /**
   * Of how many approvals that nobody gave, other than this one, a step has begun within these milliseconds; `uptime` is the
   * machine's. Counted in time that has surely passed, since whoever sets this host's clock, or tells it the site's time,
   * must not give a budget anew: of the time between two boots nothing is counted.
   */
  aloneWithin(ms: number, uptime: number, but: string): number {
    const since = this.steady(uptime) - ms;
    return [...this.alone].filter(([approval, at]) => at > since && approval !== but).length;
  }

  /** Less uptime than before means another boot: all of it has passed since. */
  private steady(uptime: number): number {
    const { up, steady } = this.last;
    return steady + (uptime >= up ? uptime - up : uptime);
  }

  private note(approval: string, { alone, digest }: Begun): void {
    if (alone !== undefined) {
      this.last = { up: alone, steady: this.steady(alone) };
      this.alone.set(approval, this.last.steady);
    }
    if (digest !== undefined && !this.digests.has(approval)) this.digests.set(approval, digest);
  }

  /** Known at once, and after a restart if the disk takes it; throws when it does not. */
  end(step: StepId, ending: Ending): void {
    this.steps.set(keyOf(step), { state: 'ended', ending });
    this.append({ step: keyOf(step), ending });
  }

  close(): void {
    closeSync(this.fd);
  }

  private append(record: object): void {
    if (this.broken) throw new JournalError(`${this.file} ends in half a line that could not be cut off`);
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    try {
      // Not writeSync: a disk that is nearly full takes a part, and that is no error.
      writeFileSync(this.fd, line);
      fsyncSync(this.fd);
      this.size += line.length;
    } catch (error) {
      this.cut();
      throw new JournalError(`${this.file}: ${messageOf(error)}`);
    }
  }

  /** Takes off what is behind the last whole line; what follows it would be lost with it otherwise. */
  private cut(): void {
    try {
      ftruncateSync(this.fd, this.size);
      fsyncSync(this.fd);
    } catch {
      this.broken = true;
    }
  }

  /** Answers how many bytes are whole lines. */
  private load(content: Buffer): number {
    const whole = content.lastIndexOf(0x0a) + 1;
    for (const [i, line] of content.subarray(0, whole).toString('utf8').split('\n').entries()) {
      if (line === '') continue;
      try {
        const record = JSON.parse(line) as { step: string; begun?: number; ending?: Ending } & Begun;
        const { step, begun, ending } = record;
        // Of an older version it says no more than that: as if the machine had just come up.
        const alone = record.alone === undefined ? undefined : Number(record.alone);
        const [approval = '', name = ''] = step.split('/');
        if (begun !== undefined) this.note(approval, { ...record, alone });
        if (begun !== undefined && name.startsWith('step.')) this.lastSteps.set(approval, begun);
        this.steps.set(step, ending === undefined ? { state: 'begun' } : { state: 'ended', ending });
      } catch {
        // Skipped, it could be the line that says what has run.
        throw new JournalError(`${this.file}, line ${i + 1} can't be read. Restore it from a backup.`);
      }
    }
    return whole;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
