import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Log } from '../../broker/log.ts';
import { serviceManager } from '../../hub/service-manager.ts';

const test = suite('service manager');

function managed(env: NodeJS.ProcessEnv, tell?: (words: readonly string[]) => Promise<void>) {
  const words: string[] = [];
  const lines: string[] = [];
  const say = (message: string, fields = {}) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { info: say, warn: say, error: say };
  const keep = async (said: readonly string[]) => void words.push(...said);
  return { words, lines, manager: serviceManager({ env, log, tell: tell ?? keep }) };
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await sleep(5);
}

test('without a service manager nothing is said', () => {
  const { words, manager } = managed({ WATCHDOG_USEC: '1000' });
  manager.ready(() => true);
  manager.stopping();
  assert.equal(words, []);
});

test('ready, then alive again and again, and nothing more once it ends', async () => {
  const { words, manager } = managed({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '30000' });
  manager.ready(() => true);
  assert.equal(words, ['READY=1']);
  await until(() => words.length >= 4);
  manager.stopping();
  const said = words.length;
  assert.is(words.at(-1), 'STOPPING=1');
  await sleep(50);
  assert.is(words.length, said);
});

test('one that is not alive says nothing, and its log why, once', async () => {
  const { words, lines, manager } = managed({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '15000' });
  let asked = 0;
  manager.ready(() => {
    asked++;
    return false;
  });
  await until(() => asked >= 3);
  manager.stopping();
  assert.equal(words, ['READY=1', 'STOPPING=1']);
  assert.is(lines.filter((line) => line.includes('E_WATCHDOG')).length, 1);
});

test('a watchdog that is for another process, or none, is not answered', async () => {
  for (const other of [{}, { WATCHDOG_USEC: '3000', WATCHDOG_PID: '1' }, { WATCHDOG_USEC: 'soon' }]) {
    const { words, manager } = managed({ NOTIFY_SOCKET: '/run/x', ...other });
    manager.ready(() => true);
    await sleep(20);
    manager.stopping();
    assert.equal(words, ['READY=1', 'STOPPING=1']);
  }
});

test('a service manager that can not be told ends nothing', async () => {
  const { lines, manager } = managed({ NOTIFY_SOCKET: '/run/x' }, async () => {
    throw new Error('no systemd-notify');
  });
  manager.ready(() => true);
  await until(() => lines.length > 0);
  assert.match(lines[0] ?? '', /E_NOTIFY.*READY=1.*no systemd-notify/);
});

test.run();
