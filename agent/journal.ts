import { closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
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

/** A step of an approved plan: the pair that runs at most once, whatever order brings it (DESIGN section 3). */
export interface StepId {
  readonly approval: string;
  readonly phase: Phase;
  readonly number: number;
}

const keyOf = ({ approval, phase, number }: StepId): string => `${approval}/${phase}.${number}`;

/**
 * The agent's durable memory of what it has begun and ended: a JSON line each, flushed before it is relied on. What
 * a crash left of a half-written line is cut off; a begun step without an end stays unknown.
 */
export class Journal {
  private readonly steps = new Map<string, Known>();
  private readonly fd: number;

  constructor(file: string) {
    if (existsSync(file)) this.load(file);
    this.fd = openSync(file, 'a', 0o640);
    syncFolder(dirname(file));
  }

  known(step: StepId): Known {
    return this.steps.get(keyOf(step)) ?? { state: 'fresh' };
  }

  /** On the disk when it returns: only then may the step be spawned. Throws when the disk does not take it. */
  begin(step: StepId, at: number): void {
    this.append({ step: keyOf(step), begun: at });
    this.steps.set(keyOf(step), { state: 'begun' });
  }

  end(step: StepId, ending: Ending): void {
    this.append({ step: keyOf(step), ending });
    this.steps.set(keyOf(step), { state: 'ended', ending });
  }

  close(): void {
    closeSync(this.fd);
  }

  private append(record: object): void {
    writeSync(this.fd, `${JSON.stringify(record)}\n`);
    fsyncSync(this.fd);
  }

  private load(file: string): void {
    const content = readFileSync(file, 'utf8');
    const whole = content.lastIndexOf('\n') + 1;
    if (whole < content.length) truncateSync(file, Buffer.byteLength(content.slice(0, whole)));
    for (const line of content.slice(0, whole).split('\n')) {
      if (line === '') continue;
      const record = JSON.parse(line) as { step: string; ending?: Ending };
      const { ending } = record;
      this.steps.set(record.step, ending === undefined ? { state: 'begun' } : { state: 'ended', ending });
    }
  }
}
