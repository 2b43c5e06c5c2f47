import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { PATIENCE_MS } from '../e2e/site.ts';
import { ROOT_PATH } from './debian.ts';

/** What one block of a page printed, and those of its commands that failed. */
export interface Ran {
  readonly said: string;
  readonly failed: readonly string[];
}

/**
 * One bash that runs the blocks of a page one after the other, as a person's terminal does: variables, the folder and what
 * runs in the background stay. It is in a network namespace of its own, where every port is free and nobody else is reached.
 */
export class DocShell {
  readonly #bash: ChildProcess;
  readonly #folder: string;
  #blocks = 0;
  #output = '';
  #told: () => void = () => {};

  constructor(home: string, cwd: string) {
    this.#folder = mkdtempSync(join(home, '.blocks-'));
    // Its commands come over descriptor 3: none of them can read the next block as its standard input.
    const loop = `ip link set lo up; set -uE
      trap 'echo "::failed $BASH_COMMAND"' ERR
      while read -r block <&3; do . "$block" 3<&-; echo "::done $block"; done`;
    this.#bash = spawn('unshare', ['--net', 'bash', '-c', loop], {
      cwd,
      env: { PATH: `${dirname(process.execPath)}:${ROOT_PATH}`, HOME: home, LANG: 'C.UTF-8' },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
    const take = (chunk: Buffer) => {
      this.#output += chunk.toString('utf8');
      this.#told();
    };
    this.#bash.stdout?.on('data', take);
    this.#bash.stderr?.on('data', take);
    this.#bash.once('exit', (code) => take(Buffer.from(`::ended with ${code}\n`)));
  }

  /** Everything that was printed so far. */
  get output(): string {
    return this.#output;
  }

  /** Runs one block to its end. Rejects when it does not come to one. */
  run(code: string): Promise<Ran> {
    const file = join(this.#folder, String(this.#blocks++));
    writeFileSync(file, `${code}\n`);
    const from = this.#output.length;
    const done = `::done ${file}\n`;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no end of: ${code}\n${this.#output}`)), PATIENCE_MS);
      this.#told = () => {
        const lines = this.#output.slice(from).split('\n');
        const hasEnded = lines.some((line) => line.startsWith('::ended'));
        if (!this.#output.includes(done, from) && !hasEnded) return;
        clearTimeout(late);
        if (hasEnded) return reject(new Error(`the shell ended in: ${code}\n${this.#output}`));
        const failed = lines.filter((line) => line.startsWith('::failed ')).map((line) => line.slice(9));
        resolve({ said: lines.filter((line) => !line.startsWith('::')).join('\n'), failed });
      };
      (this.#bash.stdio[3] as Writable).write(`${file}\n`);
      this.#told();
    });
  }

  /** Ends it with all that it has started. */
  async close(): Promise<void> {
    if (this.#bash.exitCode !== null || this.#bash.pid === undefined) return;
    const gone = new Promise<void>((resolve) => this.#bash.once('exit', () => resolve()));
    process.kill(-this.#bash.pid, 'SIGKILL');
    await gone;
  }
}
