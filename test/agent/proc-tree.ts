import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import type { Reading } from '../../agent/sense/sense.ts';

/** A recorded /proc or /sys: files by path, written anew at will. */
export class ProcTree {
  readonly root = mkdtempSync(join(tmpdir(), 'sentinel-tree-'));
  readonly files = new ProcFiles(this.root);

  constructor(files: Readonly<Record<string, string | Uint8Array>> = {}) {
    this.write(files);
  }

  write(files: Readonly<Record<string, string | Uint8Array>>): void {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      writeFileSync(join(this.root, path), content);
    }
  }

  remove(path = ''): void {
    rmSync(join(this.root, path), { recursive: true, force: true });
  }
}

/** One metric's value; undefined when the sense does not have it. */
export const numberOf = (readings: readonly Reading[], name: string): number | null | undefined =>
  readings.find((reading) => reading.name === name)?.value;
