import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startNats } from './brokers.ts';
import { hasCommand, needsPackages } from './debian.ts';
import { OutsideSite } from './outside-site.ts';

const test = suite<{ outside: OutsideSite }>('nats-server');
test.before(() => needsPackages(['nats-server'], () => hasCommand('nats-server')));
test.before.each((context) => {
  context.outside = new OutsideSite();
});
test.after.each(({ outside }) => outside.close());

test('a fault is found, approved and fixed; a hub that comes back hears the agent', async ({ outside }) => {
  const { site } = outside;
  await outside.start(startNats);
  const first = await outside.journey();
  await site.restartHub(...outside.flags());
  site.fill();
  assert.is((await outside.after(first)).event.signal, 'folder.space');
});

test.run();
