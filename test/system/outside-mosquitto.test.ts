import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startMosquitto } from './brokers.ts';
import { hasCommand, needsPackages } from './debian.ts';
import { OutsideSite } from './outside-site.ts';

const test = suite<{ outside: OutsideSite }>('mosquitto');
test.before(() => needsPackages(['mosquitto'], () => hasCommand('mosquitto')));
test.before.each((context) => {
  context.outside = new OutsideSite();
});
test.after.each(({ outside }) => outside.close());

test('under the exported rules: the whole way, and nothing lost when hub and broker die', async ({ outside }) => {
  const { site } = outside;
  const rules = await outside.rules();
  const broker = await outside.start((folder, logins) => startMosquitto(folder, logins, rules));
  const first = await outside.journey();
  // Both die; the broker comes back with nothing, takes the next event, and has nobody to give it to.
  site.hub?.kill('SIGKILL');
  await broker.crash();
  site.fill();
  await site.until(() => site.log.split('anomaly:').length > 2, 'a second anomaly');
  await site.startHub(...outside.flags());
  const second = await outside.after(first);
  assert.is(second.event.signal, 'folder.space');
  const audit = await site.sentinel('audit', 'verify');
  assert.is(audit.code, 0, audit.stdout);
});

test('with a name and a password that the broker has given the agent', async ({ outside }) => {
  const { site } = outside;
  const [hub, agent] = outside.logins;
  if (hub === undefined || agent === undefined) throw new Error('no logins');
  const rules = await outside.rules();
  const given = { ...agent, password: 'of-the-broker-alone' };
  await outside.startBroker((folder) => startMosquitto(folder, [hub, given], rules));
  await site.startHub(...outside.flags());
  const file = join(site.dir, 'agent.json');
  const credentials = { version: 1, username: given.user, password: given.password, broker: outside.url };
  writeFileSync(file, JSON.stringify(credentials), { mode: 0o600 });
  await site.startAgent('--live', '--credentials', file);
  await outside.journey();
});

test.run();
