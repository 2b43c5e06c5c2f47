import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Detector } from '../../agent/detect/detector.ts';
import { DiskIoSense } from '../../agent/sense/disk-io.ts';
import { DisksSense } from '../../agent/sense/disks.ts';
import { FillTrend, MAX_HOURS } from '../../agent/sense/fill-trend.ts';
import { numberOf, ProcTree } from './proc-tree.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const test = suite('sense: disks');

test('a mount that could be written and no longer can is told, one that never could is not', async () => {
  const info = (options: string, superOptions: string) =>
    `27 1 254:0 / /tmp ${options},relatime - ext4 /dev/vda ${superOptions},discard\n28 1 254:1 / / ro - ext4 /dev/vdb ro\n`;
  const tree = new ProcTree({ 'self/mountinfo': info('rw', 'rw') });
  const sense = new DisksSense(tree.files);
  const names = async () => (await sense.sample(0)).map(({ name }) => name);
  assert.ok((await names()).includes('disk.read_only[/tmp]'));
  assert.ok(!(await names()).some((name) => name.endsWith('[/]')));
  assert.is(numberOf(await sense.sample(0), 'disk.read_only[/tmp]'), 0);
  const before = await names();
  tree.write({ 'self/mountinfo': info('rw', 'ro') });
  assert.is(numberOf(await sense.sample(1), 'disk.read_only[/tmp]'), 1);
  assert.equal(await names(), before, 'its space is still told');
  tree.write({ 'self/mountinfo': info('rw', 'rw') });
  assert.is(numberOf(await sense.sample(2), 'disk.read_only[/tmp]'), 0);
  tree.write({ 'self/mountinfo': '' });
  assert.equal(await names(), []);
  tree.write({ 'self/mountinfo': info('ro', 'ro') });
  assert.equal(await names(), [], 'mounted anew, read-only on purpose');
  tree.write({ 'self/mountinfo': info('ro', 'rw') });
  assert.ok((await names()).includes('disk.used_percent[/tmp]'), 'read-only to a hardened unit alone: it fills');
  tree.remove();
});

/** Feeds a fill in bytes at every half minute; the last hours left. */
function hours(
  series: (minute: number) => number,
  minutes: number,
  total: number,
  trend = new FillTrend(),
): number | null {
  let left: number | null = null;
  for (let i = 0; i <= minutes * 2; i++) {
    const used = series(i / 2);
    trend.see((i / 2) * MINUTE, used);
    left = trend.hoursLeft((i / 2) * MINUTE, used, total - used);
  }
  return left;
}

test('hours until full follow steady growth, and nothing else', () => {
  assert.is(
    hours((m) => 700 + m / 6, 20, 1_000),
    null,
    'twenty minutes say nothing yet',
  );
  const steady = hours((m) => 700 + (100 * m) / 60, 60, 1_000) ?? 0;
  assert.ok(Math.abs(steady - 2) < 0.01, String(steady));
  assert.is(
    hours(() => 700, 90, 1_000),
    MAX_HOURS,
  );
  assert.is(
    hours((m) => 900 - m, 90, 1_000),
    MAX_HOURS,
    'what falls is never full',
  );
  // A backup: 21 % in ten minutes, kept for a while. At no moment is it a forecast.
  for (let until = 30; until <= 150; until++) {
    const left = hours((m) => 710 + 210 * Math.min(1, Math.max(0, (m - 60) / 10)), until, 1_000);
    assert.ok(left === null || left === MAX_HOURS, `${left} after ${until} minutes`);
  }
});

test('growth of 10 % an hour is forecast in the first day, 1.5 h before full', () => {
  const detector = new Detector();
  const trend = new FillTrend();
  const said: number[] = [];
  for (let t = 0; t < 2.7 * HOUR; t += 30_000) {
    const used = 72.3 + (10 * t) / HOUR + ((t / 30_000) % 3) * 0.01;
    trend.see(t, used);
    const value = trend.hoursLeft(t, used, 100 - used);
    const found = detector.feed(1e12 + t, [
      { name: 'disk.hours_left[/var]', unit: 'h', scale: 0.1, learn: false, value },
    ]);
    for (const { signal, reason } of found) {
      assert.is(signal, 'disk.forecast');
      assert.match(reason, /^Hours until \/var is full: [01](?:\.\d+)? h, under the limit of 2 h/);
      said.push(t);
    }
  }
  const lead = (2.77 * HOUR - (said[0] ?? Number.POSITIVE_INFINITY)) / HOUR;
  assert.ok(lead >= 1.5, `${lead.toFixed(2)} h before full`);
});

test('a trend stays small and finite whatever it is fed', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.double({ noNaN: true }), fc.double({ noNaN: true })), { maxLength: 100 }),
      (points) => {
        const trend = new FillTrend();
        for (const [at, used] of points) {
          trend.see(at, used);
          const left = trend.hoursLeft(at, used, 5);
          assert.ok(left === null || Number.isNaN(left) || left <= MAX_HOURS);
        }
      },
    ),
  );
});

test('the slowest disk’s time for a request; partitions and memory are no disks', () => {
  const line = (name: string, reads: number, readMs: number, busy: number) =>
    `  8 0 ${name} ${reads} 0 0 ${readMs} 0 0 0 0 0 ${busy} 0 0 0 0\n`;
  const tree = new ProcTree({
    diskstats: line('sda', 0, 0, 0) + line('sda1', 0, 0, 0) + line('nvme0n1', 0, 0, 0) + line('loop0', 0, 0, 0),
  });
  const sense = new DiskIoSense(tree.files);
  assert.is(numberOf(sense.sample(0), 'disk.await_ms'), null);
  tree.write({
    diskstats:
      line('sda', 100, 40_000, 24_000) +
      line('sda1', 9, 90_000, 1) +
      line('nvme0n1', 3, 9_999, 300) +
      line('loop0', 99, 99_000, 1),
  });
  const readings = sense.sample(30_000);
  assert.is(numberOf(readings, 'disk.await_ms'), 400, 'three requests have no mean');
  assert.is(numberOf(readings, 'disk.busy_percent'), 80);
  assert.is(sense.disks()[0]?.disk, 'sda');
  tree.write({ diskstats: line('sda', 100, 40_000, 24_000) });
  assert.is(numberOf(sense.sample(60_000), 'disk.await_ms'), 0, 'no request waited');
  tree.write({ diskstats: '\nnonsense\n 8 0 sda a b c\n' });
  assert.equal(sense.sample(90_000), []);
  tree.remove();
});

test.run();
