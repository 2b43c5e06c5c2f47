import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { birthOf, encodeBirth } from '../../agent/birth.ts';
import { Ring } from '../../agent/ring/ring.ts';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import { type Sample, Sensor } from '../../agent/sense/sensor.ts';
import { Telemetry } from '../../agent/telemetry.ts';
import { Watch } from '../../agent/watch.ts';
import { encodeCbor } from '../../broker/cbor.ts';
import { secretHash } from '../../broker/enroll.ts';
import { scaled } from '../../broker/frames.ts';
import { newKeyPair } from '../../broker/keys.ts';
import { seal } from '../../broker/signed.ts';
import { agentTopic } from '../../broker/topics.ts';
import { tempFolder } from '../broker/site.ts';

/** A decoder that shares no line with ours reads what our agent says: Python and cbor2, as Debian has them. */
const test = suite<{ path: string; done: () => void }>('decode_frames.py');
const PYTHON = '/usr/bin/python3';
const DECODER = join(fileURLToPath(new URL('.', import.meta.url)), '../../../docs/decode_frames.py');
const SAMPLES = 45;

const apt = (...args: readonly string[]) => spawnSync('apt-get', args, { stdio: 'inherit' });
const hasCbor2 = () => spawnSync(PYTHON, ['-c', 'import cbor2']).status === 0;
test.before(() => {
  if (hasCbor2()) return;
  const install = () => apt('install', '-y', '--no-install-recommends', 'python3', 'python3-cbor2');
  if (install().status !== 0) {
    apt('update', '-q');
    install();
  }
  assert.ok(hasCbor2(), 'python3-cbor2 could not be installed');
});
test.before.each((context) => void Object.assign(context, tempFolder()));
test.after.each(({ done }) => done());

interface Recording {
  readonly bytes: Uint8Array;
  /** What was sensed, at scale, in the order in which it was. */
  readonly sent: readonly { readonly ts: number; readonly scaled: Readonly<Record<string, number | null>> }[];
}

/** Real samples of this host through the agent's own sender; a watched folder appears in the middle: a new schema. */
async function record(folder: string, batch: number, isLost: (payload: number) => boolean): Promise<Recording> {
  const watch = join(folder, `watch-${batch}`);
  mkdirSync(watch);
  const sensor = new Sensor({ proc: new ProcFiles(), watch: new Watch(watch), cores: availableParallelism() });
  const key = newKeyPair();
  const boot = '0123456789abcdef';
  const recorded: Uint8Array[] = [];
  let payloads = 0;
  const keep = (channel: 'b' | 'm', payload: Uint8Array) =>
    recorded.push(encodeCbor([agentTopic('web-1', channel), payload]));
  const telemetry = new Telemetry({
    boot,
    secretHash: secretHash('secret'),
    batch,
    ring: new Ring(join(folder, `ring-${batch}`)),
    publish: async (payload) => {
      if (!isLost(++payloads)) keep('m', payload);
      return true;
    },
  });
  const sayBirth = () => {
    const ring = { oldest: 0, newest: 0, dropped: 0 };
    const birth = birthOf(sensor, { agent: 'web-1', live: false, boot, key: key.public, ring });
    keep('b', seal('birth', encodeBirth(birth), key));
    telemetry.born(birth.schema);
  };
  const sent: { ts: number; scaled: Record<string, number | null> }[] = [];
  let born = 0;
  for (let i = 1; i <= SAMPLES; i++) {
    if (i === 25) {
      writeFileSync(
        join(watch, 'spool.yaml'),
        `version: 1\nfolders:\n  - name: spool\n    path: ${folder}\n    quota_mib: 1\n`,
      );
    }
    const sample: Sample = await sensor.sample();
    if (sample.schema !== born) {
      await telemetry.flush();
      sayBirth();
      // The first birth ends a greeting; later ones come in the middle of a connection.
      if (born === 0) telemetry.restart();
      await telemetry.flush();
    }
    born = sample.schema;
    telemetry.say(sample, sensor.metrics());
    const values = scaled(
      sample.readings.map(({ value }) => value),
      sensor.metrics(),
    );
    sent.push({
      ts: sample.ts,
      scaled: Object.fromEntries(sensor.metrics().map(({ name }, n) => [name, values[n] ?? null])),
    });
    await sleep(25);
  }
  await telemetry.flush();
  return { bytes: Buffer.concat(recorded), sent };
}

interface Decoded {
  readonly seq: number;
  readonly ts: number;
  readonly scaled: Readonly<Record<string, number | null>>;
}

function decode(folder: string, bytes: Uint8Array): Decoded[] {
  const file = join(folder, 'recording.cbor');
  writeFileSync(file, bytes);
  const run = spawnSync(PYTHON, [DECODER, file], { encoding: 'utf8' });
  assert.is(run.status, 0, run.stderr);
  return run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Decoded);
}

for (const batch of [1, 7]) {
  test(`every sample of this host comes back exactly, ${batch} to a publish`, async ({ path }) => {
    const { bytes, sent } = await record(path, batch, () => false);
    const decoded = decode(path, bytes);
    assert.is(decoded.length, SAMPLES);
    assert.equal(
      decoded,
      sent.map((sample, i) => ({ seq: i + 1, ...sample })),
    );
    const schemas = new Set(sent.map((sample) => Object.keys(sample.scaled).length));
    assert.ok(schemas.size > 1, 'the metrics changed in the middle');
    const nulls = sent.flatMap((sample) => Object.values(sample.scaled)).filter((value) => value === null);
    assert.ok(nulls.length > 0, 'the first rates are null');
  });
}

test('after a lost payload it gives nothing until the next keyframe, and no wrong value', async ({ path }) => {
  const { bytes, sent } = await record(path, 1, (payload) => payload === 5);
  const decoded = decode(path, bytes);
  for (const { seq, ...sample } of decoded) assert.equal(sample, sent[seq - 1], `sample ${seq}`);
  assert.equal(
    decoded.slice(0, 5).map(({ seq }) => seq),
    [1, 2, 3, 4, 21],
  );
});

test.run();
