import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDropIn } from '../../agent/drop-in/drop-in.ts';
import type { StatsdSettings } from '../../agent/drop-in/statsd.ts';
import type { Reading } from '../../agent/sense/sense.ts';
import { parseStatsd } from '../../agent/sense/statsd/parse.ts';
import { StatsdSense } from '../../agent/sense/statsd/statsd.ts';
import { MAX_NAMES, Totals } from '../../agent/sense/statsd/totals.ts';

const OFF: StatsdSettings = { udp: 0, address: '127.0.0.1', socket: '' };
const value = (readings: readonly Reading[], name: string): number | null | undefined =>
  readings.find((reading) => reading.name === name)?.value;
const totals = (...lines: string[]): Totals => {
  const all = new Totals();
  all.readings(0);
  for (const line of lines) {
    const said = parseStatsd(line);
    assert.ok(said !== null, line);
    all.add(said);
  }
  return all;
};

const lines = suite('a line of statsd');

lines('each kind is a number: counters a second, gauges, 95th percentile, members of a set', () => {
  const readings = totals(
    ...['hits:3|c', 'hits:1|c|@0.1', 'hits:1:1|c|#env:prod,a:b|c:ci-1'],
    ...['level:7.5|g', 'level:+2|g', 'level:-1|g'],
    ...Array.from({ length: 100 }, (_, i) => `took:${i + 1}|ms`),
    ...['users:a|s', 'users:b|s', 'users:a|s'],
  ).readings(10_000);
  assert.is(value(readings, 'statsd.hits'), 1.5);
  assert.is(value(readings, 'statsd.level'), 8.5);
  assert.is(value(readings, 'statsd.took.p95'), 95);
  assert.is(value(readings, 'statsd.users'), 2);
});

lines('what is no metric is null', () => {
  for (const line of [
    ...['', 'a', 'a:', 'a:1', ':1|c', 'a:1|', 'a:1|x', 'a:x|c', 'a:1|c|@0', 'a:1|c|@2', 'a b:1|c', 'a[b]:1|g', 'é:1|c'],
    ...[
      'a:NaN|g',
      'a:Infinity|g',
      'a:1e999|g',
      `${'a'.repeat(129)}:1|c`,
      '_e{1,1}:a|b',
      '_sc|web|0',
      `a:${'1'.repeat(3_000)}|c`,
    ],
  ])
    assert.is(parseStatsd(line), null, line.slice(0, 40));
});

lines('any text at all: a bounded value or null; what was made is read back', () => {
  const piece = fc.constantFrom('a', '1', ':', '|', 'c', 'g', 'ms', '@', '#', '.5', '-', 'e9', '\u0000', 'é');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 60 }).map((parts) => parts.join('')),
      ),
      (line) => {
        const said = parseStatsd(line);
        if (said === null) return;
        const all = new Totals();
        all.add(said);
        for (const reading of all.readings(1)) assert.ok(reading.value === null || Number.isFinite(reading.value));
      },
    ),
    { numRuns: 5_000 },
  );
  const made = fc.record({
    name: fc.stringMatching(/^[a-z0-9_.]{1,20}$/),
    n: fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
  });
  fc.assert(
    fc.property(made, ({ name, n }) => {
      assert.is(Number(parseStatsd(`${name}:${n.toFixed(3)}|g`)?.values[0]), Number(n.toFixed(3)));
    }),
  );
});

lines('a flood of names stays 64 metrics; a flood of values and members stays bounded', () => {
  const all = totals(...Array.from({ length: 1_000 }, (_, i) => `n${i}:1|c`));
  assert.is(all.readings(1_000).length, MAX_NAMES);
  assert.is(all.refused, 1_000 - MAX_NAMES);
  const big = totals(
    ...Array.from({ length: 20_000 }, (_, i) => `s:${i}|s`),
    ...Array.from({ length: 5_000 }, () => 't:1|ms'),
  );
  assert.is(value(big.readings(1_000), 'statsd.s'), 4_096);
  const other = totals('x:1|c', 'x:1|g');
  assert.is(other.refused, 1, 'a name keeps its kind');
});

lines('a name that nobody sends any more goes', () => {
  const all = totals('x:1|g');
  assert.is(all.readings(1_000).length, 1);
  assert.is(all.readings(3_500_000).length, 1);
  assert.is(all.readings(3_700_000).length, 0);
});
lines.run();

const sense = suite<{ dir: string }>('the sense of statsd');
sense.before.each((context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'sentinel-statsd-'));
});
sense.after.each(({ dir }) => rmSync(dir, { recursive: true }));

const until = async (done: () => boolean): Promise<void> => {
  for (let left = 2_000; !done(); left--) {
    assert.ok(left > 0, 'it never came');
    await sleep(10);
  }
};

/** A port that is free now; whoever took it meanwhile makes the test fail, not pass. */
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createSocket('udp4');
    probe.bind(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

sense('hears UDP and a unix socket, is silent when off, and lets go of both', async ({ dir }) => {
  const socket = join(dir, 'statsd.sock');
  const udp = await freePort();
  let declared = OFF;
  const statsd = new StatsdSense(
    () => declared,
    () => performance.now(),
  );
  assert.equal(statsd.sample(0), []);
  declared = { ...OFF, udp, socket };
  statsd.sample(1);
  await until(() => existsSync(socket));
  const sender = createSocket('udp4');
  await until(() => {
    sender.send('queue:5|g\nnonsense\n', udp, '127.0.0.1');
    return statsd.taken > 0;
  });
  sender.close();
  assert.ok(statsd.malformed > 0);
  const client = createConnection({ path: socket });
  client.write('pumps:2|g\npum');
  await until(() => value(statsd.sample(2), 'statsd.pumps') === 2);
  client.end('ps:3|g\n');
  await until(() => value(statsd.sample(3), 'statsd.pumps') === 3);
  assert.is(value(statsd.sample(4), 'statsd.queue'), 5);
  declared = OFF;
  statsd.sample(5);
  await until(() => !existsSync(socket));
  statsd.close();
});

sense('an address that is taken is a fault of this sense, and is tried again', async ({ dir }) => {
  const socket = join(dir, 'taken');
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(join(dir, 'file'), resolve));
  const taken = createSocket('udp4');
  await new Promise<void>((resolve) => taken.bind(0, '127.0.0.1', resolve));
  const declared = { ...OFF, udp: taken.address().port };
  const statsd = new StatsdSense(
    () => declared,
    () => performance.now(),
  );
  statsd.sample(0);
  const failed = () => {
    try {
      statsd.sample(1);
      return false;
    } catch (error) {
      return /EADDRINUSE/.test(String(error));
    }
  };
  await until(failed);
  taken.close();
  await until(() => !failed());
  statsd.close();
  other.close();
  assert.not.ok(existsSync(socket));
});

sense('the section says where, and refuses the rest with its line', () => {
  const read = (text: string) => parseDropIn('t.yaml', `version: 1\nstatsd: ${text}\n`).statsd;
  assert.equal(read('{udp: 8125}'), { udp: 8125, address: '127.0.0.1', socket: '' });
  assert.equal(read('{socket: /run/a.sock}'), { udp: 0, address: '127.0.0.1', socket: '/run/a.sock' });
  for (const bad of ['{}', '{udp: 0.5}', '{udp: 70000}', '{udp: 1, address: host}', '{udp: 1, more: 2}', '[]'])
    assert.throws(() => read(bad), /t\.yaml:2: /, bad);
});
sense.run();
