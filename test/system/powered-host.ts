import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Installed } from './installed.ts';
import { type Bind, type BootedSystem, bootSystemd } from './systemd-root.ts';

/** How often it is looked whether a step has begun: some last a few milliseconds. */
const LOOK_MS = 1;

/** A host with a hub whose disk outlives its boots, and whose power can fail: everything on it is killed at once. */
export class PoweredHost {
  private readonly disk: string;
  private readonly binds: readonly Bind[];
  private booted: BootedSystem | null = null;
  private present: Installed | null = null;

  constructor(disk: string, binds: readonly Bind[]) {
    this.disk = disk;
    this.binds = binds;
    mkdirSync(disk);
  }

  /** The host as it runs now, booted if it does not. */
  async up(): Promise<Installed> {
    if (this.present !== null) return this.present;
    this.booted = await bootSystemd(this.binds, this.disk);
    this.present = new Installed(this.booted);
    return this.present;
  }

  async cut(): Promise<void> {
    const { booted } = this;
    this.booted = null;
    this.present = null;
    await booted?.stop();
  }

  /**
   * Runs `argv` and cuts the power `after` ms after `begun` says so, or when it has ended. Says whether it was cut short.
   */
  async cutWhile(argv: readonly string[], begun: (host: PoweredHost) => boolean, after: number): Promise<boolean> {
    const { system } = await this.up();
    const child = system.spawn(argv);
    child.stdout?.resume();
    child.stderr?.resume();
    let hasEnded = false;
    const ended = once(child, 'exit').then(() => {
      hasEnded = true;
    });
    while (!hasEnded && !begun(this)) await sleep(LOOK_MS);
    await Promise.race([ended, sleep(after)]);
    const wasAtWork = !hasEnded;
    await this.cut();
    return wasAtWork;
  }

  /** What is written on its disk, whether it runs or not; what came with the root is not seen. */
  has(path: string): boolean {
    return existsSync(this.at(path));
  }

  names(folder: string): readonly string[] {
    return this.has(folder) ? readdirSync(this.at(folder)) : [];
  }

  /** Where a link leads; empty where there is none. */
  link(path: string): string {
    try {
      return readlinkSync(this.at(path));
    } catch {
      return '';
    }
  }

  at(path: string): string {
    return join(this.disk, 'upper', path);
  }
}
