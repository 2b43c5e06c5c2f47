import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readSite } from '../../broker/enroll.ts';
import { readKeyPair } from '../../broker/keys.ts';
import { stateFolder } from '../../broker/state-folder.ts';
import { tempFolder } from '../broker/site.ts';
import { Screen } from '../tui/screen.ts';
import { FRONT_DOOR, PATIENCE_MS } from './site.ts';

const test = suite('init at a terminal');

test('it asks for what was not given, and the passphrase is not shown', async () => {
  const { path, done } = tempFolder();
  const env = { PATH: process.env['PATH'] ?? '', HOME: path, LANG: 'C.UTF-8' };
  const argv = [FRONT_DOOR, 'init', '--state', join(path, 'state'), '--operator', 'ann'];
  const screen = new Screen(process.execPath, argv, { cols: 120, rows: 30, cwd: path, env });
  const answer = async (question: RegExp, line: string) => {
    await screen.until((text) => question.test(text), PATIENCE_MS);
    screen.type(`${line}\r`);
  };
  try {
    await answer(/name of the site .*: *$/m, 'plant-7');
    await answer(/addresses of this hub.*: *$/m, 'hub.plant.example 192.0.2.7');
    await answer(/file for the root key .*: *$/m, '');
    await answer(/passphrase of the root key: *$/m, 'correct horsf\u007fe battery');
    await answer(/once more: *$/m, 'correct horse battery');
    await screen.ended(PATIENCE_MS);
    assert.is(screen.exit?.code, 0, screen.text());
    assert.not.match(screen.text(), /horse|battery/);
    const site = readSite(stateFolder(join(path, 'state')));
    assert.equal(
      [site.name, site.addresses, site.localOperator],
      ['plant-7', ['hub.plant.example', '192.0.2.7'], 'ann'],
    );
    const root = readKeyPair(join(path, 'plant-7-root.pem'), 'correct horse battery');
    assert.equal([...root.public], [...site.root]);
    assert.not(existsSync(join(path, 'state', 'keys', 'site-root.pem')));
    assert.match(readFileSync(join(path, 'plant-7-root.pem'), 'utf8'), 'ENCRYPTED');
  } finally {
    screen.close();
    done();
  }
});

test.run();
