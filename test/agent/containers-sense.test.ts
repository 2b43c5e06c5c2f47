import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Detector } from '../../agent/detect/detector.ts';
import { listContainers } from '../../agent/sense/containers/api.ts';
import { ContainersSense } from '../../agent/sense/containers/containers.ts';
import type { Reading } from '../../agent/sense/sense.ts';

const ID = 'a'.repeat(64);
const value = (readings: readonly Reading[], name: string): number | null | undefined =>
  readings.find((reading) => reading.name === name)?.value;

interface Context {
  dir: string;
  socket: string;
  server: Server;
  /** What the daemon answers, by path; and every method and path that it was asked. */
  answers: Map<string, unknown>;
  asked: string[];
}

const test = suite<Context>('containers');
test.before.each(async (context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'sentinel-docker-'));
  context.socket = join(context.dir, 'docker.sock');
  context.answers = new Map();
  context.asked = [];
  context.server = createServer((request, response) => {
    context.asked.push(`${request.method} ${request.url}`);
    const path = (request.url ?? '').replace(/^\/v1\.\d+/, '').split('?')[0] ?? '';
    const answer = context.answers.get(path);
    response
      .writeHead(answer === undefined ? 404 : 200)
      .end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => context.server.listen(context.socket, resolve));
});
test.after.each(({ dir, server }) => {
  server.close();
  rmSync(dir, { recursive: true });
});

const web = (state: string, status = 'Up 2 hours') => [
  { Id: ID, Names: ['/web'], State: state, Status: status, Extra: {} },
];

async function settle(sense: ContainersSense, now: number, done: (readings: readonly Reading[]) => boolean) {
  for (let left = 2_000; ; left--) {
    const readings = sense.sample(now);
    if (done(readings)) return readings;
    assert.ok(left > 0, 'it never came');
    await sleep(5);
  }
}

test('counts, names, restarts and health, by GET alone', async (context) => {
  const sense = new ContainersSense(['/nonexistent', context.socket]);
  const detector = new Detector();
  const inspect = (count: number): void => {
    context.answers.set(`/containers/${ID}/json`, { RestartCount: count, State: { Restarting: false } });
  };
  context.answers.set('/containers/json', web('running'));
  inspect(7);
  const first = await settle(sense, 0, (readings) => value(readings, 'container.running') === 1);
  assert.equal(
    first.filter(({ name }) => name.includes('[')),
    [],
    'what was before is no restart of now',
  );
  assert.equal(sense.names(), ['web']);
  assert.is(sense.changes, 1);
  inspect(11);
  context.answers.set('/containers/json', web('restarting', 'Restarting (1) 3 seconds ago (unhealthy)'));
  const second = await settle(sense, 60_000, (readings) => value(readings, 'container.restarting') === 1);
  assert.is(value(second, 'container.restarts[web]'), 4);
  assert.is(value(second, 'container.unhealthy[web]'), 1);
  assert.equal(
    detector.feed(1_795_686_561_255, second).map(({ signal }) => signal),
    ['container.restarts', 'container.unhealthy'],
  );
  assert.ok(context.asked.length > 0 && context.asked.every((line) => line.startsWith('GET /v1.40/containers/')));
  sense.close();
});

test('is silent without a daemon; a socket that refuses is a fault, and no number', async (context) => {
  assert.equal(new ContainersSense(['/nonexistent']).sample(0), []);
  const sense = new ContainersSense([context.socket]);
  for (let left = 2_000; ; left--) {
    try {
      sense.sample(0);
    } catch (error) {
      assert.match(String(error), /answers 404/);
      break;
    }
    assert.ok(left > 0);
    await sleep(5);
  }
  sense.close();
});

test('whatever the daemon answers: bounded containers, or a refusal', async (context) => {
  const odd = fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .array(fc.record({ Id: fc.string(), Names: fc.array(fc.string()), State: fc.string(), Status: fc.string() }))
      .map((v) => JSON.stringify(v)),
  );
  await fc.assert(
    fc.asyncProperty(odd, async (answer) => {
      context.answers.set('/containers/json', answer);
      const found = await listContainers(context.socket, AbortSignal.timeout(60_000)).catch(() => []);
      assert.ok(found.length <= 256);
    }),
    { numRuns: 100 },
  );
  const many = Array.from({ length: 2_000 }, (_, i) => ({
    Id: `${i}`,
    Names: [`/c ${i}\n`],
    State: 'running',
    Status: '',
  }));
  context.answers.set('/containers/json', many);
  const sense = new ContainersSense([context.socket]);
  await listContainers(context.socket, AbortSignal.timeout(60_000));
  // An id that is none is not put into a path.
  for (let left = 2_000; left > 0; left--) {
    try {
      sense.sample(0);
    } catch (error) {
      assert.match(String(error), /no id of a container/);
      break;
    }
    await sleep(5);
  }
  assert.equal(sense.names(), [], 'names that no operand could be are not in the inventory');
  sense.close();
});
test.run();
