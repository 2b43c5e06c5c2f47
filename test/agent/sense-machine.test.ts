import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HubClock } from '../../agent/hub-clock.ts';
import { ClockSense } from '../../agent/sense/clock.ts';
import { LinksSense } from '../../agent/sense/links.ts';
import { ThermalSense } from '../../agent/sense/thermal.ts';
import { UptimeSense } from '../../agent/sense/uptime.ts';
import { numberOf, ProcTree } from './proc-tree.ts';

const test = suite('sense: the machine');

const link = (name: string, carrier: string, changes: number, more: Readonly<Record<string, string>> = {}) => {
  const files = { ifindex: '2\n', iflink: '2\n', flags: '0x1003\n', carrier, carrier_changes: `${changes}\n`, ...more };
  return Object.fromEntries(Object.entries(files).map(([file, text]) => [`class/net/${name}/${file}`, text]));
};

test('a link that flaps and one that lost its carrier; what comes and goes with containers is left out', () => {
  const tree = new ProcTree({
    ...link('eth0', '1\n', 7),
    ...link('eth1', '0\n', 1),
    ...link('veth12', '1\n', 0, { iflink: '9\n' }),
    ...link('docker0', '1\n', 0, { 'bridge/bridge_id': '1' }),
    ...link('tun0', '1\n', 0, { tun_flags: '1' }),
    ...link('lo', '1\n', 0),
  });
  const sense = new LinksSense(tree.files);
  assert.equal(
    sense.sample(0).map(({ name, value }) => [name, value]),
    [
      ['network.flaps[eth0]', 0],
      ['network.link_down[eth0]', 0],
      ['network.flaps[eth1]', 0],
      ['network.link_down[eth1]', 0],
    ],
    'a port that never had a cable is not down',
  );
  tree.write(link('eth0', '0\n', 13));
  const readings = sense.sample(30_000);
  assert.is(numberOf(readings, 'network.flaps[eth0]'), 6);
  assert.is(numberOf(readings, 'network.link_down[eth0]'), 1);
  tree.write(link('eth0', '0\n', 13, { flags: '0x1002\n' }));
  assert.is(numberOf(sense.sample(60_000), 'network.link_down[eth0]'), 0, 'who switches it off means it');
  assert.is(numberOf(sense.sample(331_000), 'network.flaps[eth0]'), 0, 'five minutes later it is over');
  tree.remove('class/net/eth0');
  assert.is(numberOf(sense.sample(332_000), 'network.flaps[eth0]'), undefined);
  tree.remove();
});

test('temperatures from chips, else from zones; broken sensors are left out; throttling is told for five minutes', () => {
  const count = 'devices/system/cpu/cpu0/thermal_throttle/core_throttle_count';
  const tree = new ProcTree({
    'class/hwmon/hwmon0/temp1_input': '61000\n',
    'class/hwmon/hwmon0/temp1_crit': '100000\n',
    'class/hwmon/hwmon1/temp1_input': '80000\n',
    'class/hwmon/hwmon1/temp2_input': '-128000\n',
    'class/hwmon/hwmon1/temp2_crit': '1000\n',
    'class/thermal/thermal_zone0/temp': '99000\n',
    [count]: '40\n',
  });
  const sense = new ThermalSense(tree.files);
  const readings = sense.sample(0);
  assert.is(numberOf(readings, 'thermal.hottest_c'), 80);
  assert.is(numberOf(readings, 'thermal.margin_c'), 39);
  assert.is(numberOf(readings, 'thermal.throttles'), 0);
  tree.write({ 'class/hwmon/hwmon0/temp1_input': '97000\n', [count]: '170\n' });
  assert.is(numberOf(sense.sample(1_000), 'thermal.margin_c'), 39, 'slow buses are not asked at every sample');
  assert.is(numberOf(sense.sample(30_000), 'thermal.margin_c'), 3);
  assert.is(numberOf(sense.sample(60_000), 'thermal.throttles'), 130);
  tree.remove();
  const zones = new ProcTree({
    'class/thermal/thermal_zone0/temp': '45000\n',
    'class/thermal/thermal_zone0/trip_point_0_type': 'passive\n',
    'class/thermal/thermal_zone0/trip_point_1_type': 'critical\n',
    'class/thermal/thermal_zone0/trip_point_1_temp': '85000\n',
  });
  assert.is(numberOf(new ThermalSense(zones.files).sample(0), 'thermal.margin_c'), 40);
  zones.remove();
  assert.equal(new ThermalSense(zones.files).sample(0), [], 'a virtual machine has none');
});

test('a step of the clock is told, slewing and late timers are not', () => {
  let wall = 1e12;
  const sense = new ClockSense({ wall: () => wall, aheadOfHub: () => null, root: '/nonexistent' });
  assert.equal(
    sense.sample(0).map(({ name, value }) => [name, value]),
    [['clock.step_s', 0]],
  );
  wall += 30_010;
  assert.is(numberOf(sense.sample(30_000), 'clock.step_s'), 0);
  wall += 30_000 - 3_600_000;
  assert.is(numberOf(sense.sample(60_000), 'clock.step_s'), 3_600);
  wall += 30_000;
  assert.is(numberOf(sense.sample(90_000), 'clock.step_s'), 3_600, 'still told in the next sample');
  wall += 60_000;
  assert.is(numberOf(sense.sample(150_000), 'clock.step_s'), 0);
});

test('the marks of time services say when they last had a source', () => {
  const root = mkdtempSync(join(tmpdir(), 'sentinel-clock-'));
  const mark = (file: string, at: number) => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), '');
    utimesSync(join(root, file), at / 1_000, at / 1_000);
  };
  const wall = Date.UTC(2026, 0, 10);
  const sense = new ClockSense({ wall: () => wall, aheadOfHub: () => -45.5, root });
  assert.is(numberOf(sense.sample(0), 'clock.unsynced_h'), undefined, 'no service leaves a mark here');
  assert.is(numberOf(sense.sample(1), 'clock.offset_s'), 45.5);
  mark('var/lib/chrony/drift', wall - 30 * 3_600_000);
  assert.is(Math.round(numberOf(sense.sample(60_000), 'clock.unsynced_h') ?? 0), 30);
  mark('run/systemd/timesync/synchronized', wall - 3_600_000);
  assert.is(Math.round(numberOf(sense.sample(120_000), 'clock.unsynced_h') ?? 0), 1, 'the newest counts');
  rmSync(root, { recursive: true });
});

test('the hub’s signed time is a witness; an ack that was late does not make this clock wrong', () => {
  let [wall, monotonic] = [1e12, 0];
  const clock = new HubClock(
    () => wall,
    () => monotonic,
  );
  assert.is(clock.ahead(), null);
  clock.hear(wall - 20_000);
  assert.is(clock.ahead(), 20);
  [wall, monotonic] = [wall + 5_000, monotonic + 5_000];
  clock.hear(wall - 100);
  assert.is(clock.ahead(), 0.1, 'the earlier ack had waited');
  wall += 90_000;
  assert.is(clock.ahead(), 90.1, 'a step is seen at once, against words from before it');
  monotonic += 3_600_001;
  assert.is(clock.ahead(), null, 'an hour later it says nothing');
});

test('a reboot is told once, and never at the first start', () => {
  const state = mkdtempSync(join(tmpdir(), 'sentinel-boot-'));
  const id = (digit: string) => ({ 'sys/kernel/random/boot_id': `${digit.repeat(8)}-0000-4000-8000-000000000000\n` });
  const tree = new ProcTree({ uptime: '7300.5 1.0\n', ...id('a') });
  const start = () => new UptimeSense(tree.files, state);
  const first = start();
  assert.is(numberOf(first.sample(0), 'host.rebooted'), 0);
  assert.is(numberOf(first.sample(0), 'host.uptime_h'), 2);
  assert.is(numberOf(start().sample(0), 'host.rebooted'), 0, 'the agent alone was started anew');
  tree.write(id('b'));
  const after = start();
  assert.is(numberOf(after.sample(0), 'host.rebooted'), 1);
  assert.is(numberOf(after.sample(119_000), 'host.rebooted'), 1);
  assert.is(numberOf(after.sample(120_000), 'host.rebooted'), 0);
  assert.is(numberOf(start().sample(0), 'host.rebooted'), 0, 'said once');
  assert.is(numberOf(new UptimeSense(tree.files, undefined).sample(0), 'host.rebooted'), 0);
  tree.write({ uptime: 'x\n' });
  assert.throws(() => after.sample(0));
  tree.remove();
  rmSync(state, { recursive: true });
});

test.run();
