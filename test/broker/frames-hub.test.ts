import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Telemetry as AgentTelemetry } from '../../agent/telemetry.ts';
import { secretHash } from '../../broker/enroll.ts';
import { FrameWriter, KEYFRAME_EVERY } from '../../broker/frame-writer.ts';
import { Commits } from '../../hub/commits.ts';
import { readGaps } from '../../hub/gaps.ts';
import { readSamples } from '../../hub/store/samples.ts';
import { Telemetry } from '../../hub/telemetry.ts';
import { openSmallHub, type SmallHub } from '../hub/small-hub.ts';
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
  try {
    const { dropped } = await telemetry.receive('web-1', payload);
    return dropped === null ? 'stored' : codeOf(dropped);
  } catch (error) {
    return codeOf(error);
  }
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

test('the agent’s sender: past 8 payloads in flight a sample is skipped, and shows as a gap', async (context) => {
  const sent: Uint8Array[] = [];
  let release: (acknowledged: boolean) => void = () => {};
  const held = new Promise<boolean>((resolve) => {
    release = resolve;
  });
  const sender = new AgentTelemetry({
    boot,
    secretHash: secretHash(web.secret),
    batch: 1,
    publish: (payload) => {
      sent.push(payload);
      return held;
    },
  });
  const say = (n: number) => {
    const readings = metrics.map((metric) => ({ ...metric, value: n }));
    sender.say({ ts: n, schema, readings }, metrics);
  };
  for (let n = 1; n <= 10; n++) say(n);
  assert.is(sent.length, 8);
  release(true);
  await sender.flush();
  say(11);
  for (const payload of sent) assert.is(await fate(context, payload), 'stored');
  assert.equal(stored(context), [1, 2, 3, 4, 5, 6, 7, 8, 11]);
  const gaps = readGaps(context.small.hub.store, 'web-1').map(({ from, to }) => [from, to]);
  assert.equal(gaps, [[9, 10]]);
});

test.run();
