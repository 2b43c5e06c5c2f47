import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Ring } from '../../agent/ring/ring.ts';
import { Telemetry } from '../../agent/telemetry.ts';
import { secretHash } from '../../broker/enroll.ts';
import { isPreface } from '../../broker/frame-payload.ts';
import { tempFolder } from '../broker/site.ts';

const test = suite('telemetry');

test('nothing is sent between the birth and the end of the greeting: a state would come between preface and batch', async () => {
  const { path, done } = tempFolder();
  const ring = new Ring(join(path, 'ring'));
  try {
    const sent: string[] = [];
    const telemetry = new Telemetry({
      boot: 'a'.repeat(16),
      secretHash: secretHash('secret'),
      batch: 1,
      ring,
      publish: (payload) => {
        sent.push(isPreface(payload) ? 'preface' : 'batch');
        return Promise.resolve(true);
      },
    });
    const metrics = [{ name: 'n', unit: '', scale: 1 }];
    const say = (ts: number) =>
      telemetry.say(
        { schema: 1, ts, readings: [{ ...metrics[0], name: 'n', unit: '', scale: 1, value: ts }] },
        metrics,
      );
    say(1);
    telemetry.born(1);
    say(2);
    await telemetry.flush();
    assert.equal(sent, []);
    telemetry.restart();
    await telemetry.flush();
    assert.equal(sent, ['batch']);
    telemetry.shut();
    telemetry.born(1);
    say(3);
    await telemetry.flush();
    assert.equal(sent, ['batch'], 'the next connection has a greeting of its own');
  } finally {
    ring.close();
    done();
  }
});

test.run();
