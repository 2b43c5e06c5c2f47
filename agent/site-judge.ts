import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../broker/log.ts';
import type { Judge } from '../policy/judge.ts';
import { loadJudge } from '../policy/load-judge.ts';
import type { Program } from '../policy/program.ts';
import type { Inventory, Verdict } from '../policy/verdict.ts';

/**
 * The agent's own judge over the built-in rules and the site's folder, read again when a file there has changed: an
 * order is judged by the rules as they stand. A set that does not load leaves the last good one in force.
 */
export class SiteJudge implements Pick<Judge, 'judge' | 'reviewForbidden' | 'needsRoot'> {
  private readonly folder: string;
  private readonly log: Log;
  private stamp: string;
  private good: Judge;

  /** Throws a PolicyError when the rules do not load at the start: an agent without rules must not run. */
  constructor(folder: string, log: Log) {
    this.folder = folder;
    this.log = log;
    this.stamp = stampOf(folder);
    this.good = loadJudge({ siteDir: folder });
  }

  get reviewForbidden(): boolean {
    return this.current().reviewForbidden;
  }

  judge(program: Program, inventory: Inventory | null, policy?: string): Verdict {
    return this.current().judge(program, inventory, policy);
  }

  needsRoot(argv: readonly string[]): boolean {
    return this.current().needsRoot(argv);
  }

  private current(): Judge {
    const stamp = stampOf(this.folder);
    if (stamp === this.stamp) return this.good;
    this.stamp = stamp;
    try {
      this.good = loadJudge({ siteDir: this.folder });
      this.log.info('the rules have changed', { policy: this.good.hash.slice(0, 16) });
    } catch (error) {
      this.log.error(`the rules stay as they were. ${error instanceof Error ? error.message : String(error)}`);
    }
    return this.good;
  }
}

/** Names, sizes and times of a folder's files: what a changed rule can't keep. */
function stampOf(folder: string): string {
  try {
    return readdirSync(folder)
      .sort()
      .map((name) => {
        const { ino, size, mtimeMs } = statSync(join(folder, name));
        return `${name} ${ino} ${size} ${mtimeMs}`;
      })
      .join('\n');
  } catch {
    return 'unreadable';
  }
}
