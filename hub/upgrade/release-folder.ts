import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../../broker/durable-file.ts';
import { chunksOf, type ReleaseFile, readReleaseFile, releaseHash, writeReleaseFile } from '../../broker/release.ts';
import { UpgradeError } from '../../broker/upgrade-messages.ts';

/** Where a hub keeps the release that it brings, so that it goes on when it was started again meanwhile. */
export class ReleaseFolder {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Keeps this one alone: those before are of no use. On the disk when it returns. */
  keep(file: ReleaseFile): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o750 });
    for (const name of readdirSync(this.#folder)) rmSync(join(this.#folder, name), { force: true });
    writeDurably(join(this.#folder, releaseHash(file.message)), writeReleaseFile(file));
  }

  /** The pieces of a release that was kept. Throws UpgradeError. */
  chunks(release: string): readonly Uint8Array[] {
    try {
      const file = readReleaseFile(readFileSync(join(this.#folder, release)));
      if (releaseHash(file.message) !== release) throw new Error('it is another release');
      return chunksOf(file.packed);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new UpgradeError('E_UPGRADE_FILE', `the release can't be read any more: ${why}`);
    }
  }
}
