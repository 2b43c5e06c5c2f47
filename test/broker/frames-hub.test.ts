import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Ring } from '../../agent/ring/ring.ts';
import { Telemetry as AgentTelemetry } from '../../agent/telemetry.ts';
import { secretHash } from '../../broker/enroll.ts';
import { KEYFRAME_EVERY } from '../../broker/frame-coder.ts';
import { sealPreface } from '../../broker/frame-payload.ts';
import { Commits } from '../../hub/mesh/commits.ts';
import { readGaps } from '../../hub/mesh/gaps.ts';
import { Ingest } from '../../hub/mesh/ingest.ts';
import { type Received, Telemetry } from '../../hub/mesh/telemetry.ts';
import { readSamples } from '../../hub/store/samples.ts';
import { openSmallHub, type SmallHub } from '../hub/small-hub.ts';
import { FrameWriter } from './frame-writer.ts';
import * as samples from './samples.ts';
import { testAgent } from './site.ts';

const web = testAgent('web-1');
const { metrics, schema, boot } = samples.birth;
const OTHER_BOOT = 'fedcba9876543210';

interface Context {
  small: SmallHub;
  telemetry: Telemetry;
}
const test = suite<Context>('telemetry at the hub');
test.before.each(async (context) => {
  context.small = await openSmallHub([web]);
  context.telemetry = telemetryOf(context.small);
  await isBorn(context, boot);
});
test.after.each(({ small }) => small.close());

const telemetryOf = ({ hub: { store, site, now } }: SmallHub) =>
  new Telemetry({ store, agents: site.agents, now, commits: new Commits(store) });
const isBorn = async ({ small: { hub }, telemetry }: Context, boot: string) => {
  await hub.store.write(() => void hub.store.births.put('web-1', { ...samples.birth, agent: 'web-1', boot }));
  await telemetry.changed('web-1');
};
const writerOf = (start = boot, batch = 1) =>
  new FrameWriter({ boot: start, secretHash: secretHash(web.secret), batch });
/** One payload for each of so many samples, whose first value is their number. */
const payloads = (writer: FrameWriter, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) =>
    writer.add({ schema, ts: 1_000 * (i + 1), values: [i + 1, null] }, metrics),
  ).flat();
const stored = ({ small: { hub } }: Context): unknown[] =>
  readSamples(hub.store, 'web-1', { limit: 1_000 })
    .toReversed()
    .map(({ values }) => values['cpu.percent']);

/** The code with which it was dropped; 'stored' otherwise. */
async function fate({ telemetry }: Context, payload: Uint8Array | undefined): Promise<string> {
  assert.ok(payload);
  const outcome = await new Promise<Received | Error>((resolve) => telemetry.take('web-1', payload, resolve));
  if (outcome instanceof Error) return codeOf(outcome);
  return outcome.dropped === null ? 'stored' : codeOf(outcome.dropped);
}
const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error));

test('a replayed frame is refused, also by a hub that was restarted, and by one that is told of the old start again', async (context) => {
  const [one, two] = payloads(writerOf(), 2);
  assert.is(await fate(context, one), 'stored');
  assert.is(await fate(context, two), 'stored');
  assert.is(await fate(context, one), 'E_FRAME_OLD');
  context.telemetry = telemetryOf(context.small);
  assert.is(await fate(context, one), 'E_FRAME_OLD');
  await isBorn(context, OTHER_BOOT);
  assert.is(await fate(context, one), 'E_SIGNATURE');
  assert.is(await fate(context, payloads(writerOf(OTHER_BOOT), 1)[0]), 'stored');
  // A stolen broker repeats the birth of the start before, which was signed.
  await isBorn(context, boot);
  assert.is(await fate(context, one), 'E_FRAME_OLD');
  assert.equal(stored(context), [1, 2, 1]);
});

test('what builds on a lost frame is dropped until the next keyframe, and the gap is named', async (context) => {
  const sent = payloads(writerOf(), KEYFRAME_EVERY + 2);
  const fates: string[] = [];
  for (const [i, payload] of sent.entries()) if (i !== 3) fates.push(await fate(context, payload));
  assert.equal(fates, [
    ...Array(3).fill('stored'),
    ...Array(KEYFRAME_EVERY - 4).fill('E_FRAME_GAP'),
    ...Array(2).fill('stored'),
  ]);
  assert.equal(stored(context), [1, 2, 3, KEYFRAME_EVERY + 1, KEYFRAME_EVERY + 2]);
  const gaps = readGaps(context.small.hub.store, 'web-1').map(({ at, ...gap }) => gap);
  assert.equal(gaps, [{ boot, from: 4, to: KEYFRAME_EVERY }]);
});

test('a frame that could not be stored is no old one when it comes again', async (context) => {
  const [one] = payloads(writerOf(), 1);
  const { store } = context.small.hub;
  const { write } = store;
  store.write = () => Promise.reject(Object.assign(new Error('full'), { code: 'E_STORE_WRITE' }));
  assert.is(await fate(context, one), 'E_STORE_WRITE');
  store.write = write;
  assert.is(await fate(context, one), 'stored');
});

test('the samples of a batch lie apart as they were taken, none later than now', async (context) => {
  const before = Date.now();
  assert.is(await fate(context, payloads(writerOf(boot, 10), 10)[0]), 'stored');
  const times = [...context.small.hub.store.samples.getKeys({})].map((key) => key[1] ?? 0);
  assert.equal(
    times.map((at) => at - (times[0] ?? 0)),
    Array.from({ length: 10 }, (_, i) => 1_000 * i),
  );
  assert.ok((times.at(-1) ?? 0) >= before && (times.at(-1) ?? 0) <= Date.now());
});

test('how telemetry comes is written with the presence of its agent: the worst since it was written last', async (context) => {
  const { hub } = context.small;
  // The agent's clock is a minute behind this one, and its samples are of its seconds 1, 2 and 3.
  const clocks = { now: 1_000, heard: 61_000 };
  await hub.store.write(
    () => void hub.store.births.put('web-1', { ...samples.birth, agent: 'web-1', boot, ...clocks }),
  );
  let now = 68_000;
  const { store, site } = hub;
  context.telemetry = new Telemetry({ store, agents: site.agents, now: () => now, commits: new Commits(store) });
  const link = () => store.presence.get('web-1')?.link;
  const [one, two, three] = payloads(writerOf(), 3);
  assert.is(await fate(context, one), 'stored');
  assert.equal(link(), { late: 7_000, stored: null, through: 1 });
  now = 72_000;
  assert.is(await fate(context, two), 'stored');
  assert.is(link()?.through, 1, 'presence is written every few seconds');
  now = 73_500;
  assert.is(await fate(context, three), 'stored');
  assert.is(link()?.late, 10_500);
  assert.is(link()?.through, 3);
  assert.ok((link()?.stored ?? -1) >= 0, 'how long the first two took to be on the disk');
});

/** An agent's telemetry over a link that is there or not, into the hub; a restart is another start on the same ring. */
function agentOn(context: Context, file: string, start: string, bytes?: number) {
  const ring = new Ring(file, bytes);
  const link = { up: false, sent: 0 };
  const telemetry = new AgentTelemetry({
    boot: start,
    secretHash: secretHash(web.secret),
    batch: 1,
    ring,
    publish: async (payload) => {
      if (!link.up) return false;
      link.sent++;
      await fate(context, payload);
      return true;
    },
  });
  const say = (from: number, to: number) => {
    for (let n = from; n <= to; n++) {
      telemetry.say({ ts: 1_000 * n, schema, readings: metrics.map((metric) => ({ ...metric, value: n })) }, metrics);
    }
  };
  const meet = async () => {
    await isBorn(context, start);
    link.up = true;
    telemetry.born(schema);
    telemetry.restart();
    await telemetry.flush();
  };
  return { ring, link, telemetry, say, meet };
}
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const gapsOf = ({ small }: Context) => readGaps(small.hub.store, 'web-1').map(({ at, ...gap }) => gap);

test('what was sensed while the link was cut comes whole and in order, over a restart of the agent too', async (context) => {
  const file = join(context.small.folder, 'ring');
  const first = agentOn(context, file, boot);
  await first.meet();
  first.say(1, 30);
  await first.telemetry.flush();
  first.link.up = false;
  first.telemetry.shut();
  first.say(31, 400);
  // Killed: nothing is closed. Its successor has another boot id, which the hub hears of before the old frames.
  const second = agentOn(context, file, OTHER_BOOT);
  second.say(401, 500);
  await second.meet();
  second.say(501, 520);
  await second.telemetry.flush();
  assert.equal(stored(context), numbers(1, 520));
  assert.equal(gapsOf(context), []);
  assert.ok(second.link.sent < 60, `${second.link.sent} publishes: a backlog goes in batches`);
  // What the hub has said to have stored is not sent again.
  second.telemetry.stored(boot, 400);
  second.telemetry.stored(OTHER_BOOT, 120);
  const third = agentOn(context, file, 'aaaaaaaaaaaaaaaa');
  await third.meet();
  assert.is(third.link.sent, 0);
});

test('what fell off the end of the ring is counted, and named as a gap', async (context) => {
  const agent = agentOn(context, join(context.small.folder, 'ring'), boot, 2 * 65_536);
  await agent.meet();
  agent.say(1, 1);
  await agent.telemetry.flush();
  agent.telemetry.stored(boot, 1);
  agent.link.up = false;
  agent.telemetry.shut();
  agent.say(2, 12_000);
  const { oldest, newest, dropped } = agent.ring.summary(boot);
  assert.ok(oldest > 2 && newest === 12_000);
  assert.is(dropped, oldest - 2);
  await agent.meet();
  assert.equal(gapsOf(context), [{ boot, from: 2, to: oldest - 1 }]);
  assert.equal(stored(context).length, 1_000);
  assert.equal(stored(context).at(-1), 12_000);
});

test('a hub that lost its place finds it again: asked once more, the agent begins at a keyframe', async (context) => {
  const agent = agentOn(context, join(context.small.folder, 'ring'), boot);
  await agent.meet();
  agent.say(1, 30);
  await agent.telemetry.flush();
  // A broker of somebody else acknowledges, and forgets.
  agent.link.up = false;
  const { publish } = agent.telemetry as unknown as { publish: unknown };
  Object.assign(agent.telemetry, { publish: async () => true });
  agent.say(31, 35);
  await agent.telemetry.flush();
  Object.assign(agent.telemetry, { publish });
  agent.link.up = true;
  agent.say(36, 36);
  await agent.telemetry.flush();
  assert.equal(stored(context), numbers(1, 30));
  agent.telemetry.again(boot, 31);
  await agent.telemetry.flush();
  assert.equal(stored(context), numbers(1, 36));
  assert.equal(gapsOf(context), []);
});

test('a late sample lies where it was taken, by the agent’s clock at its birth', async (context) => {
  const { store, now } = context.small.hub;
  const skew = 3 * 3_600_000;
  const said = now() - skew;
  await store.write(
    () => void store.births.put('web-1', { ...samples.birth, agent: 'web-1', boot, now: said, heard: now() }),
  );
  await context.telemetry.changed('web-1');
  const writer = writerOf(boot, 2);
  const hour = 3_600_000;
  writer.add({ schema, ts: said - hour, values: [1, null] }, metrics);
  const [payload] = writer.add({ schema, ts: said, values: [2, null] }, metrics);
  const before = now();
  assert.is(await fate(context, payload), 'stored');
  const [late = 0, recent = 0] = [...store.samples.getKeys({})].map((key) => key[1]);
  assert.ok(Math.abs(recent - late - hour) <= 1);
  assert.ok(recent <= now() && recent > before - 60_000);
});

test('a state between a preface and its batch takes nothing back', async (context) => {
  const dropped: unknown[] = [];
  const ingest = new Ingest(context.telemetry, async () => {}, {
    sampled: () => {},
    broken: () => {},
    gap: () => {},
    dropped: (_, error) => dropped.push(codeOf(error)),
  });
  const take = (payload: Uint8Array) => new Promise((resolve) => ingest.take('web-1', payload, resolve));
  const secret = secretHash(web.secret);
  await take(sealPreface({ boot: OTHER_BOOT, schema, metrics }, secret));
  await ingest.receive({ agent: 'web-1', channel: 'st', payload: new Uint8Array() });
  for (const payload of payloads(writerOf(OTHER_BOOT), 3)) await take(payload);
  ingest.stop();
  assert.equal(dropped, []);
  assert.equal(stored(context), [1, 2, 3]);
});

test.run();
