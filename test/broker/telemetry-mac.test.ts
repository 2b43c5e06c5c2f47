import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { secretHash } from '../../broker/enroll.ts';
import { endsInMac, telemetryMac } from '../../broker/telemetry-mac.ts';

const test = suite('the MAC of telemetry');
const hash = secretHash('secret');
const boots = fc.constantFrom('0123456789abcdef', 'fedcba9876543210');

test('it is HMAC-SHA-256 as Node has it, whatever was said before', () => {
  void fc.assert(
    fc.property(boots, fc.uint8Array({ maxLength: 3_000 }), fc.constantFrom('a', 'b'), (boot, covered, secret) => {
      const key = createHmac('sha256', secretHash(secret)).update('sentinel-telemetry').digest();
      const whole = createHmac('sha256', key).update(Buffer.from(boot, 'hex')).update(covered).digest();
      assert.equal(Buffer.from(telemetryMac(boot, covered, secretHash(secret))), whole.subarray(0, 16));
    }),
  );
});

test('a payload ends in its MAC, and in no other: any bit that is changed shows', () => {
  void fc.assert(
    fc.property(
      boots,
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.nat(),
      fc.nat(7),
      (boot, covered, at, bit) => {
        const payload = Buffer.concat([covered, Buffer.from([0x50]), telemetryMac(boot, covered, hash)]);
        assert.ok(endsInMac(boot, payload, covered.length, hash));
        assert.not(endsInMac(boot, payload.subarray(0, -1), covered.length, hash));
        assert.not(endsInMac(boot, Buffer.concat([payload, Buffer.alloc(1)]), covered.length, hash));
        // The head between the two is nobody's secret, and looked at elsewhere.
        const place = at % (payload.length - 1);
        const changed = place < covered.length ? place : place + 1;
        payload[changed] = (payload[changed] ?? 0) ^ (1 << bit);
        assert.not(endsInMac(boot, payload, covered.length, hash));
      },
    ),
  );
});

test.run();
