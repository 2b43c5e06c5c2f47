import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Incident, State } from '../../../hub/incident.ts';
import { readChannels } from '../../../hub/notify/channels.ts';
import { Notifier } from '../../../hub/notify/notifier.ts';
import { NOTIFY, waitingNotices } from '../../../hub/notify/outbox.ts';
import { commitIncident, moved } from '../../../hub/store/incidents.ts';
import { testAgent } from '../../broker/site.ts';
import { keys, openSmallHub, proposeTo, type SmallHub } from '../small-hub.ts';
import { openReceiver, type Receiver } from './receiver.ts';

interface Context {
  small: SmallHub;
  receiver: Receiver;
  clock: { now: number };
  notifier: Notifier;
}

const test = suite<Context>('notifier');
test.before(async (context) => {
  const clock = { now: 1_800_000_000_000 };
  context.clock = clock;
  context.small = await openSmallHub([testAgent('web-1')], { now: () => clock.now });
});
test.before.each(async (context) => {
  context.receiver = await openReceiver();
});
test.after.each(async ({ receiver, notifier, small }) => {
  await notifier.stop();
  await receiver.close();
  const { notices, told } = small.hub.store;
  await small.hub.store.write(() => {
    for (const key of [...notices.getKeys({})]) void notices.remove(key);
    for (const key of [...told.getKeys({})]) void told.remove(key);
  });
});
test.after(({ small }) => small.close());

/** Channels as a site writes them: `lines` are of one channel named `ops`. */
function channels({ small }: Context, ...lines: string[]) {
  const file = join(small.folder, 'notify.yaml');
  writeFileSync(
    file,
    ['version: 1', 'channels:', '  - name: ops', ...lines.map((line) => `    ${line}`), ''].join('\n'),
  );
  return readChannels(file);
}

function listen(context: Context, ...lines: string[]): void {
  const { small, receiver } = context;
  const all = lines.some((line) => line.startsWith('kind'))
    ? lines
    : ['kind: webhook', `url: ${receiver.url}`, ...lines];
  context.notifier = new Notifier(small.hub, channels(context, ...all), () => 0.5);
}

async function move(
  { small, clock }: Context,
  incident: Incident,
  to: State,
  patch: Partial<Incident> = {},
): Promise<Incident> {
  const next = moved(incident, to, { now: clock.now, by: 'hub', note: 'a test' }, patch);
  await commitIncident(small.hub.store, keys.hub, next, {
    kind: 'test',
    incident: incident.id,
    actor: 'hub',
    data: {},
  });
  return next;
}

async function later({ clock, notifier }: Context, ms: number): Promise<void> {
  clock.now += ms;
  await notifier.sweep();
}

const statesOf = ({ got }: Receiver) => got.map(({ body }) => (body['incident'] as Incident).state);

test('what changes within a moment is told once, as it then stands', async (context) => {
  listen(context);
  const incident = await proposeTo(context.small.hub);
  const escalated = await move(context, incident, 'escalated');
  await context.notifier.sweep();
  assert.is(context.receiver.got.length, 0);
  await later(context, NOTIFY.gatherMs);
  assert.equal(statesOf(context.receiver), ['escalated']);
  const [{ body, headers } = { body: {}, headers: {} }] = context.receiver.got;
  assert.equal(body['site'], 'local');
  assert.is(headers['idempotency-key'], body['id']);
  assert.match(String(body['text']), /^\[critical\] disk filling on web-1: escalated\. Cause: a test\. With ann\./);
  await move(context, escalated, 'resolved');
  await later(context, NOTIFY.gatherMs);
  await later(context, NOTIFY.backoffMostMs);
  assert.equal(statesOf(context.receiver), ['escalated', 'resolved']);
});

test('states and incidents that a channel does not want are not told', async (context) => {
  listen(context, 'match: severity<=warning', 'states: [proposed, rejected]');
  const critical = await proposeTo(context.small.hub);
  await move(context, critical, 'rejected');
  await later(context, NOTIFY.gatherMs);
  assert.is(context.receiver.got.length, 0);
});

test('who has acknowledged an incident has it: others hear only of its end', async (context) => {
  listen(context);
  const incident = await proposeTo(context.small.hub);
  const taken = await move(context, incident, 'escalated', { acknowledged: { by: 'ann', at: 1 } });
  await later(context, NOTIFY.gatherMs);
  assert.is(context.receiver.got.length, 0);
  await move(context, taken, 'resolved');
  await later(context, NOTIFY.gatherMs);
  assert.equal(statesOf(context.receiver), ['resolved']);
});

test('the same trouble in the same state is not told again for a while; another plan is', async (context) => {
  listen(context);
  const fingerprint = 'disk.space[/same]';
  const told = async (playbook: string) => {
    const incident = await proposeTo(context.small.hub, { playbook });
    // Of one trouble: the states that lead there are nothing that a channel hears of.
    await move(context, { ...incident, state: 'open', fingerprint }, 'open');
    await move(context, { ...incident, fingerprint }, 'proposed');
    await later(context, NOTIFY.gatherMs);
    await move(context, { ...incident, fingerprint }, 'rejected');
    return context.receiver.got.length;
  };
  assert.is(await told('a'), 1);
  assert.is(await told('a'), 1);
  assert.is(await told('b'), 2);
  context.clock.now += NOTIFY.quietMs;
  assert.is(await told('b'), 3);
});

test('a channel that is away hears it when it is back, from the next hub too, under the same id', async (context) => {
  listen(context);
  context.receiver.answer = () => ({ status: 503 });
  await proposeTo(context.small.hub);
  await later(context, NOTIFY.gatherMs);
  await later(context, NOTIFY.backoffMs - 1);
  assert.is(context.receiver.got.length, 1, 'not before its time');
  await later(context, 1);
  assert.is(context.receiver.got.length, 2);
  await later(context, 2 * NOTIFY.backoffMs - 1);
  assert.is(context.receiver.got.length, 2, 'it waits twice as long');
  await context.notifier.stop();
  listen(context);
  context.receiver.answer = () => ({ status: 200 });
  await context.notifier.sweep();
  const ids = new Set(context.receiver.got.map(({ body }) => body['id']));
  assert.is(context.receiver.got.length, 3);
  assert.is(ids.size, 1);
  assert.is(waitingNotices(context.small.hub.store, 'ops'), 0);
});

test('who stops waits for what is under way, however many looks came after it', async (context) => {
  listen(context);
  let release = () => {};
  const after = new Promise<void>((resolve) => {
    release = resolve;
  });
  const asked = new Promise<void>((resolve) => {
    context.receiver.answer = () => {
      resolve();
      return { status: 200, after };
    };
  });
  await proposeTo(context.small.hub);
  context.clock.now += NOTIFY.gatherMs;
  const first = context.notifier.sweep();
  await asked;
  await context.notifier.sweep();
  let isStopped = false;
  const stopped = context.notifier.stop().then(() => {
    isStopped = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(isStopped, false);
  release();
  await Promise.all([first, stopped]);
  assert.is(waitingNotices(context.small.hub.store, 'ops'), 0, 'it was told, and that is written down');
});

test('a clock that is set back prolongs no pause', async (context) => {
  listen(context);
  context.receiver.answer = () => ({ status: 503 });
  await proposeTo(context.small.hub);
  await later(context, NOTIFY.gatherMs + 60_000);
  assert.is(context.receiver.got.length, 1);
  await later(context, -30_000);
  assert.is(context.receiver.got.length, 2);
});

test('a channel that asks for patience gets it', async (context) => {
  listen(context);
  context.receiver.answer = () => ({ status: 429, headers: { 'retry-after': '60' } });
  await proposeTo(context.small.hub);
  await later(context, NOTIFY.gatherMs);
  await later(context, 59_000);
  assert.is(context.receiver.got.length, 1);
  await later(context, 1_000);
  assert.is(context.receiver.got.length, 2);
});

test('one that is refused does not hold up the others, and after three days it is given up', async (context) => {
  listen(context);
  context.receiver.answer = () => ({ status: context.receiver.got.length === 0 ? 400 : 200 });
  await proposeTo(context.small.hub);
  context.clock.now += 1;
  await proposeTo(context.small.hub);
  await later(context, NOTIFY.gatherMs);
  assert.is(context.receiver.got.length, 2);
  assert.is(waitingNotices(context.small.hub.store, 'ops'), 1);
  context.receiver.answer = () => ({ status: 400 });
  await later(context, NOTIFY.keepMs);
  assert.is(waitingNotices(context.small.hub.store, 'ops'), 0);
  assert.equal(context.notifier.counts()[0]?.counts, { sent: 1, failed: 2, given_up: 1 });
});

test('a redirection is not followed', async (context) => {
  const other = await openReceiver();
  listen(context);
  context.receiver.answer = () => ({ status: 307, headers: { location: other.url } });
  await proposeTo(context.small.hub);
  await later(context, NOTIFY.gatherMs);
  assert.is(context.receiver.got.length, 1);
  assert.is(other.got.length, 0);
  await other.close();
});

test('more than a channel takes in a minute wait, and none is lost', async (context) => {
  listen(context, 'per_minute: 2');
  for (let n = 0; n < 5; n++) await proposeTo(context.small.hub);
  await later(context, NOTIFY.gatherMs);
  assert.is(context.receiver.got.length, 2);
  await later(context, 60_000);
  await later(context, 60_000);
  assert.is(context.receiver.got.length, 5);
  assert.is(new Set(context.receiver.got.map(({ body }) => (body['incident'] as Incident).id)).size, 5);
});

test('an MQTT broker of the site hears it too', async (context) => {
  const broker = await Aedes.createBroker();
  const server = createServer(broker.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const heard: Record<string, unknown>[] = [];
  broker.on('publish', ({ topic, payload }) => {
    if (topic === 'plant/7/sentinel') heard.push(JSON.parse(payload.toString()));
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  listen(context, 'kind: mqtt', `url: mqtt://127.0.0.1:${port}`, 'topic: plant/7/sentinel');
  await proposeTo(context.small.hub);
  await later(context, NOTIFY.gatherMs);
  assert.is(heard.length, 1);
  assert.is((heard[0]?.['incident'] as Incident | undefined)?.state, 'proposed');
  await new Promise<void>((resolve) => broker.close(() => resolve()));
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await proposeTo(context.small.hub);
  await later(context, NOTIFY.gatherMs);
  assert.is(waitingNotices(context.small.hub.store, 'ops'), 1, 'without the broker it waits');
});

test.run();
