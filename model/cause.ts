import type { Split } from './names.ts';

/** Different ways to say the same; those of `held` are only met when a model is measured. */
export type Wordings = Readonly<Record<Split, readonly string[]>>;

/**
 * One kind of trouble, and what a host shows of it. In a wording `{svc}` is the program that it is about, `{other}` another
 * one that runs, `{pid}` and `{otherpid}` their pids, `{unit}` the unit, `{mount}` `{if}` `{dev}` `{db}` `{ip}` `{user}`
 * `{word}` what they say, `{n}` a number and `{port}` a port. `[a|b]` is one of both.
 */
export interface Cause {
  /** As a playbook or the catalogue calls it. */
  readonly class: string;
  /** Under which signals it shows; absent: all that its playbooks treat. */
  readonly signals?: readonly string[];
  /** The lines that give it away; absent where the signal alone does. */
  readonly lines?: Wordings;
  /** Paths of the files that fill a file system or folder; a mount above them is chosen. */
  readonly files?: Wordings;
  readonly changes?: Wordings;
  /** On what its files lie, where that is not any mount. */
  readonly mounts?: readonly string[];
  /** Who is to blame: the unit, mount, folder or container of the event; a process that the agent names; the one in the line. */
  readonly culprit?: 'subject' | 'process' | 'other';
  /** Its process runs in a unit of its own, or expressly not. */
  readonly inUnit?: boolean;
}

/** Splits a list of wordings: the last `held` ones are kept from training. */
export const wordings = (held: number, ...texts: readonly string[]): Wordings => ({
  train: texts.slice(0, texts.length - held),
  held: texts.slice(texts.length - held),
});
