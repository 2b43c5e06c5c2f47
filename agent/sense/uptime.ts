import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../../broker/durable-file.ts';
import type { ProcFiles } from './proc-files.ts';
import type { Reading, Sense } from './sense.ts';

/** A reboot is told for the first minutes of the agent, so that a sample that a slow start delayed still has it. */
const TOLD_MS = 120_000;
const BOOT_ID = /^[0-9a-f-]{36}$/;

/**
 * How long the host runs, and whether it was started anew since an agent last ran here: then whatever stopped at that
 * moment has its reason. The boot's id is kept in the agent's state folder; without one no reboot is told.
 */
export class UptimeSense implements Sense {
  readonly name = 'uptime';
  readonly #proc: ProcFiles;
  readonly #file: string | undefined;
  #rebooted: boolean | undefined;
  #toldUntil = 0;

  constructor(proc: ProcFiles, state: string | undefined) {
    this.#proc = proc;
    this.#file = state === undefined ? undefined : join(state, 'boot-id');
  }

  sample(now: number): Reading[] {
    const seconds = Number.parseFloat(this.#proc.head('uptime'));
    if (!(seconds >= 0)) throw new Error('/proc/uptime: no number');
    if (this.#rebooted === undefined) {
      this.#rebooted = this.#look();
      this.#toldUntil = now + TOLD_MS;
    }
    return [
      { name: 'host.uptime_h', unit: 'h', scale: 1, learn: false, value: Math.floor(seconds / 3_600) },
      {
        name: 'host.rebooted',
        unit: '',
        scale: 1,
        learn: false,
        value: this.#rebooted && now < this.#toldUntil ? 1 : 0,
      },
    ];
  }

  /** Compares this boot with the one that was written down, and writes this one down. */
  #look(): boolean {
    const boot = this.#proc.head('sys/kernel/random/boot_id').trim();
    if (this.#file === undefined || !BOOT_ID.test(boot)) return false;
    let before = '';
    try {
      before = readFileSync(this.#file, 'utf8').slice(0, 64).trim();
    } catch {
      // The first start here.
    }
    if (before === boot) return false;
    try {
      writeDurably(this.#file, `${boot}\n`);
    } catch {
      // A full disk: it is told once more after the next start.
    }
    return BOOT_ID.test(before);
  }
}
