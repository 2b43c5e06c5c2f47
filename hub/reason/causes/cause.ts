import type { ProposedCommand } from '../reasoner.ts';
import type { Signs } from './signs.ts';

/** A cause that the evidence shows, with what it rests on and what may be done. */
export interface Found {
  /** One or two sentences with names and numbers. */
  readonly sentence: string;
  /** Ids of the items that it rests on; never empty. */
  readonly evidence: readonly string[];
  /** What mends it, or what a person looks at first. */
  readonly commands: readonly ProposedCommand[];
  /** `decisive`: two independent signs agree, or one that has no other reading. `likely`: one sign. `open`: not shown. */
  readonly sure: 'decisive' | 'likely' | 'open';
  /** What it may be, where the evidence does not tell. */
  readonly or?: readonly string[];
  /**
   * Classes of playbooks whose fix it shows to be futile or aimed at the wrong thing (one more restart of what is killed
   * at its own limit): where such a playbook fits as well, this cause leads, and what it proposes waits for a person.
   */
  readonly futile?: readonly string[];
  /** What takes room on a file system, where it is that: of two kinds that are shown both are said. */
  readonly fills?: 'log' | 'image' | 'layer' | 'core' | 'wal' | 'files';
  /** It stands by itself: where another cause is as sure and rests on evidence of its own, both are said. */
  readonly apart?: true;
  /** What it says takes memory is not held by the process that it acts on: it is in files, or in what that one started. */
  readonly elsewhere?: true;
  /** Its commands only look, or mend a part: what to do is a person's decision. */
  readonly person?: true;
}

/**
 * What experienced people recognise at once. A cause is found by several kinds of evidence together (other alerts, log
 * lines, processes, mounts, changes), names only what the host's inventory or its process table holds, and never runs
 * unattended: a plan without a playbook always waits for a person.
 */
export interface KnownCause {
  readonly id: string;
  /** The class of the cause, as in playbooks. */
  readonly class: string;
  readonly find: (signs: Signs) => Found | null;
  /** Only for want of anything better: where another cause is found, or a playbook fits, it says nothing. */
  readonly last?: true;
}

export const command = (text: string, explanation: string, rollback: string | null = null): ProposedCommand => ({
  command: text,
  explanation,
  rollback,
});

export const restart = (unit: string): ProposedCommand =>
  command(`systemctl restart ${unit}`, 'Starts the service afresh, which gives back what it holds.');
export const stop = (unit: string): ProposedCommand =>
  command(
    `systemctl stop ${unit}`,
    'Stops it until a person has looked: it does no work as it is.',
    `systemctl start ${unit}`,
  );
export const unitLog = (unit: string): ProposedCommand =>
  command(`journalctl -u ${unit} -n 50 --no-pager`, 'Shows what it says when it fails.');
export const unitStatus = (unit: string): ProposedCommand =>
  command(`systemctl status --no-pager ${unit}`, 'Shows its state, its main process and its last lines.');
export const end = (pid: number): ProposedCommand =>
  command(`kill -TERM ${pid}`, 'Asks the process to end in order, which gives back what it holds.');
export const nice = (pid: number): ProposedCommand =>
  command(`renice -n 15 -p ${pid}`, 'Lets everything else go first; the job itself runs on.', `renice -n 0 -p ${pid}`);
