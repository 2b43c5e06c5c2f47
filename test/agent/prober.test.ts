import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Growth } from '../../agent/growth.ts';
import { isProbeMessage, Prober } from '../../agent/probe/prober.ts';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import { processRef } from '../../agent/sense/process-stat.ts';
import { Sensor } from '../../agent/sense/sensor.ts';
import { Watch } from '../../agent/watch.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import { type KeyPair, newKeyPair } from '../../broker/keys.ts';
import { PROBE_LIMITS, type ProbeRequest, type ProbeResult, probeResult } from '../../broker/probe-messages.ts';
import { seal } from '../../broker/signed.ts';
import { ulid } from '../../broker/ulid.ts';
import * as samples from '../broker/samples.ts';
import { until } from '../broker/site.ts';
import { BOOT, TestSite } from './order-fixtures.ts';

interface Context {
  site: TestSite;
  dir: string;
  sensor: Sensor;
  prober: Prober;
  said: ProbeResult[];
}
const test = suite<Context>('prober', {} as Context);
test.before.each(async (context) => {
  context.site = new TestSite();
  context.dir = mkdtempSync(join(tmpdir(), 'sentinel-prober-'));
  context.sensor = new Sensor({ proc: new ProcFiles(), watch: new Watch(context.dir), cores: availableParallelism() });
  await context.sensor.sample();
  context.said = [];
  const { site, sensor, dir, said } = context;
  context.prober = new Prober({
    agent: 'web-1',
    boot: BOOT,
    trust: site.trust,
    host: { sensor, growth: new Growth(), root: '/', now: Date.now },
    inventory: () => ({
      units: ['mes.service'],
      mounts: [dir],
      containers: [],
      hosts: ['localhost'],
      folders: [],
      processes: [],
    }),
    say: (result) => said.push(probeResult(result, '')),
  });
});
test.after.each(async ({ site, sensor, dir, prober }) => {
  await prober.close();
  sensor.close();
  site.close();
  rmSync(dir, { recursive: true });
});

const question = (change: Partial<ProbeRequest> = {}): ProbeRequest => ({
  id: ulid(),
  site: 'local',
  epoch: 2,
  agent: 'web-1',
  boot: BOOT,
  probe: 'memory',
  not_after: Date.now() + 60_000,
  ...change,
});
const sealed = (asked: object, by: KeyPair): Uint8Array => seal('probe', encodeCbor(asked), by);

/** The code with which a message is refused, or `none`. */
function refusal(prober: Prober, message: Uint8Array): string {
  try {
    prober.hear(message);
    return 'none';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

async function answers({ said }: Context, count: number): Promise<readonly ProbeResult[]> {
  await until(`${count} answers`, () => said.length >= count);
  return said;
}

test('a question that the hub signed is answered, whether or not the agent may act', async (context) => {
  const asked = question();
  context.prober.hear(sealed(asked, context.site.hub));
  const [answer] = await answers(context, 1);
  assert.equal([answer?.id, answer?.probe, answer?.state, answer?.boot], [asked.id, 'memory', 'done', BOOT]);
  assert.ok(answer?.lines.some(({ text }) => text.startsWith('MemAvailable:')));
});

test('a question that is forged, replayed, for another or out of its time is not answered at all', async (context) => {
  const { prober, site, said } = context;
  const once = sealed(question(), site.hub);
  const now = Date.now();
  const rows: readonly (readonly [string, Uint8Array])[] = [
    ['none', once],
    ['E_PROBE_REPLAYED', once],
    ['E_SIGNATURE', sealed(question(), newKeyPair())],
    ['E_SIGNATURE', sealed(question(), site.ann)],
    ['E_SIGNATURE', sealed(question(), site.root)],
    ['E_SIGNATURE', seal('order', encodeCbor(question()), site.hub)],
    ['E_PROBE_AGENT', sealed(question({ agent: 'db-1' }), site.hub)],
    ['E_PROBE_SITE', sealed(question({ site: 'elsewhere' }), site.hub)],
    ['E_PROBE_EPOCH', sealed(question({ epoch: 1 }), site.hub)],
    ['E_PROBE_BOOT', sealed(question({ boot: 'fedcba9876543210' }), site.hub)],
    ['E_PROBE_EXPIRED', sealed(question({ not_after: now - 1 }), site.hub)],
    ['E_PROBE_EXPIRED', sealed(question({ not_after: now + 86_400_000 }), site.hub)],
    ['E_MESSAGE_SHAPE', sealed({ ...question(), id: '../../etc' }, site.hub)],
    ['E_MESSAGE_SHAPE', sealed({ ...question(), name: 'x'.repeat(1_025) }, site.hub)],
    ['E_MESSAGE_SHAPE', encodeCbor({ probe: 'memory' })],
    ['E_CBOR', new Uint8Array([0xff])],
  ];
  for (const [code, message] of rows) assert.is(refusal(prober, message), code);
  const bent = Uint8Array.from(once);
  bent[bent.length - 70] = (bent[bent.length - 70] ?? 0) ^ 1;
  assert.is.not(refusal(prober, bent), 'none');
  await answers(context, 1);
  await prober.close();
  assert.is(said.length, 1);
});

test('what is asked about must be here: a name of the inventory, a process that is still the same', async (context) => {
  const { prober, site, sensor, dir } = context;
  const row = sensor.processes.find(process.pid);
  assert.ok(row);
  const self = processRef(sensor.proc, row);
  const rows: readonly (readonly [string, Partial<ProbeRequest>])[] = [
    ['refused E_PROBE_UNKNOWN', { probe: 'read_any_file', name: '/etc/shadow' }],
    ['refused E_PROBE_UNKNOWN', { probe: 'constructor' }],
    ['refused E_PROBE_NAME', { probe: 'dns_lookup', name: 'secret-data.elsewhere.example' }],
    ['refused E_PROBE_NAME', { probe: 'largest_folders', name: '/root' }],
    ['refused E_PROBE_NAME', { probe: 'largest_folders', name: `${dir}/..` }],
  ];
  const more: readonly (readonly [string, Partial<ProbeRequest>])[] = [
    ['refused E_PROBE_NAME', { probe: 'unit_log', name: '--since=-1h' }],
    ['refused E_PROBE_NAME', { probe: 'open_files' }],
    ['refused E_PROBE_NAME', { probe: 'open_files', process: { ...self, start: self.start + 1 } }],
    ['refused E_PROBE_NAME', { probe: 'open_files', process: { ...self, comm: 'another' } }],
    ['done', { probe: 'open_files', process: self }],
    ['done', { probe: 'largest_folders', name: dir }],
    ['done', { probe: 'dns_lookup', name: 'localhost' }],
  ];
  const seen: string[] = [];
  // One after the other: more than a few at once are a flood.
  for (const [, change] of [...rows, ...more]) {
    prober.hear(sealed(question(change), site.hub));
    const [answer] = await answers(context, 1);
    seen.push(`${answer?.state}${answer?.code === undefined ? '' : ` ${answer.code}`}`);
    context.said.length = 0;
  }
  assert.equal(
    seen,
    [...rows, ...more].map(([want]) => want),
  );
});

test('a flood is refused, and afterwards questions are answered again', async (context) => {
  const { prober, site } = context;
  const codes = Array.from({ length: 200 }, () =>
    refusal(prober, sealed(question({ probe: 'recent_changes' }), site.hub)),
  );
  const taken = codes.filter((code) => code === 'none').length;
  assert.ok(taken >= 1 && taken <= 4, String(taken));
  assert.is(codes.filter((code) => code === 'E_PROBE_FLOOD').length, 200 - taken);
  await answers(context, taken);
  assert.is(refusal(prober, sealed(question(), site.hub)), 'none');
  await answers(context, taken + 1);
});

test('within a minute only so many are answered, however slowly they come', async (context) => {
  const { prober, site } = context;
  let taken = 0;
  for (let i = 0; i < 60; i++) {
    if (refusal(prober, sealed(question({ probe: 'no_such' }), site.hub)) === 'none') taken++;
    await answers(context, taken);
  }
  assert.is(taken, 40);
});

test('an answer is bounded in lines and bytes, and says what it left out', async (context) => {
  const { prober, site } = context;
  prober.hear(sealed(question({ probe: 'top_processes' }), site.hub));
  const [answer] = await answers(context, 1);
  const bytes = (answer?.lines ?? []).reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  assert.ok((answer?.lines.length ?? 0) <= PROBE_LIMITS.lines && bytes <= PROBE_LIMITS.bytes);
  assert.ok(encodeCbor(answer).length < 32_768);
});

test('a question that takes too long ends with its deadline, and the next one is answered', async (context) => {
  const { site, sensor, said } = context;
  const prober = new Prober({
    agent: 'web-1',
    boot: BOOT,
    trust: site.trust,
    host: { sensor, growth: new Growth(), root: '/', now: Date.now },
    inventory: () => samples.birth.inventory,
    say: (result) => said.push(probeResult(result, '')),
    deadline: 100,
  });
  // It looks at the disks for a second.
  prober.hear(sealed(question({ probe: 'disk_io' }), site.hub));
  prober.hear(sealed(question({ probe: 'no_such' }), site.hub));
  const [late, next] = await answers(context, 2);
  assert.equal([late?.state, late?.code, late?.lines], ['timeout', 'E_PROBE_TIMEOUT', []]);
  assert.is(next?.state, 'refused');
  await prober.close();
});

test('an order is not taken for a question, nor anything else that comes there', () => {
  assert.is(isProbeMessage(sealed(question(), newKeyPair())), true);
  assert.is(isProbeMessage(seal('order', encodeCbor(samples.order), newKeyPair())), false);
  assert.is(isProbeMessage(seal('order', encodeCbor([1, 2]), newKeyPair())), false);
  assert.throws(() => isProbeMessage(new Uint8Array([1, 2, 3])));
});

test.run();
