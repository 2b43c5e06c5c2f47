import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startRabbit } from './brokers.ts';
import { hasCommand, needsPackages } from './debian.ts';
import { OutsideSite } from './outside-site.ts';

const test = suite<{ outside: OutsideSite }>('RabbitMQ');
test.before(() => needsPackages(['rabbitmq-server'], () => hasCommand('rabbitmq-server')));
test.before.each((context) => {
  context.outside = new OutsideSite();
});
test.after.each(({ outside }) => outside.close());

test('a fault is found, approved and fixed; a hub that comes back knows the agent without retained births', async ({
  outside,
}) => {
  const { site } = outside;
  await outside.start(startRabbit);
  const first = await outside.journey();
  // This broker gives a subscriber with a wildcard nothing of what is retained: the agent has to say its birth again.
  await site.restartHub(...outside.flags());
  site.fill();
  assert.is((await outside.after(first)).event.signal, 'folder.space');
});

test.run();
