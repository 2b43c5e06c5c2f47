import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cutInstall } from '../../broker/install-mark.ts';
import { tempFolder } from './site.ts';

const test = suite('the mark of an installation');

test('one that was cut short is seen from what runs, wherever that lies below', () => {
  const { path, done } = tempFolder();
  try {
    const script = (name: string) => {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, '');
      return file;
    };
    script('hub/releases/1.0.0-abc/dist/sentinel.js');
    symlinkSync('releases/1.0.0-abc', join(path, 'hub/current'));
    const hub = join(path, 'hub/current/dist/sentinel.js');
    const agent = script('agent/sentinel-agent.cjs');
    const checkout = script('checkout/dist/sentinel.js');
    for (const one of [hub, agent, checkout, join(path, 'none.js'), undefined]) assert.is(cutInstall(one), null);
    for (const home of ['hub', 'agent', 'checkout']) writeFileSync(join(path, home, 'installing'), '1.0.1\n');
    assert.is(cutInstall(hub), '1.0.1');
    assert.is(cutInstall(agent), '1.0.1');
    assert.is(cutInstall(checkout), null);
    writeFileSync(join(path, 'hub/installing'), '\u001b[2J'.repeat(50));
    assert.is(cutInstall(hub), 'another version');
  } finally {
    done();
  }
});

test.run();
