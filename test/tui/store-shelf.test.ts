import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { prepareFolder, stateFolder } from '../../broker/state-folder.ts';
import { Store } from '../../hub/store/store.ts';
import { StoreShelf } from '../../tui/store-shelf.ts';

const test = suite('what the views read from a state folder');

const BUILT_IN = new URL('../../hub/playbooks/', import.meta.url);
/** Generous: the files are looked at every 2 s, and rules take a moment to load. */
const PATIENCE_MS = 60_000;

async function until(good: () => boolean, what: string): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!good()) {
    assert.ok(Date.now() < end, `waited for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('playbooks and rules that the site writes while a screen is open are followed', async () => {
  const root = mkdtempSync(join(tmpdir(), 'sentinel-shelf-'));
  const folder = stateFolder(root);
  prepareFolder(folder);
  const store = new Store(folder.store, 'write');
  try {
    const shelf = new StoreShelf(folder, store, () => {});
    await until(() => shelf.playbooks().state === 'ready', 'the playbooks');
    const [shipped] = shelf.playbooks().rows;
    assert.ok(shipped);
    const text = readFileSync(new URL(`${shipped.id}.yaml`, BUILT_IN), 'utf8');
    mkdirSync(folder.playbooks, { recursive: true });
    const own = join(folder.playbooks, `${shipped.id}.yaml`);
    const titled = (title: string) => text.replace(/^title: .*$/m, `title: ${title}`);
    const shows = (title: string) => shelf.playbooks().rows.some((row) => row.own && row.title === title);
    writeFileSync(own, titled('Ours at first'));
    await until(() => shows('Ours at first'), 'the new file');
    writeFileSync(own, titled('Ours as mended'));
    await until(() => shows('Ours as mended'), 'the changed file');
    rmSync(own);
    await until(() => !shelf.playbooks().rows.some((row) => row.own), 'the file to go');

    const failed = () => shelf.judge('df -h', null).state === 'failed';
    assert.not.ok(failed());
    writeFileSync(join(folder.policy, 'broken.yaml'), 'this is: no rule\n');
    await until(failed, 'the rules to be refused');
    rmSync(join(folder.policy, 'broken.yaml'));
    await until(() => shelf.judge('df -h', null).state === 'judged', 'the rules to be good again');
  } finally {
    await store.close();
    rmSync(root, { recursive: true });
  }
});

test.run();
