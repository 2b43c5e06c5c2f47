import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WatchError } from '../../../agent/drop-in/watch-error.ts';
import { DevicesSense, limitsOf } from '../../../agent/gateway/devices.ts';
import { MAPPING_LIMITS, parseMapping } from '../../../agent/gateway/mapping.ts';
import { valueIn } from '../../../agent/gateway/payload.ts';
import { topicPattern } from '../../../agent/gateway/topic.ts';
import { encodeCbor } from '../../../broker/cbor.ts';

const MAPPING = `version: 1
broker: mqtt://127.0.0.1:1884
silent_after: 60
devices: [plc-1]
topics:
  - { topic: "plant/{device}/temp", metric: temperature_c, unit: C, scale: 0.1, above: 80, critical: 95 }
  - { topic: "plant/{device}/all", metric: pressure_bar, unit: bar, format: json, path: p.0.bar, below: 2 }
  - { topic: "boiler/+/level", device: boiler, metric: level_percent, unit: "%", format: cbor, path: level }
`;
const bytes = (text: string) => new TextEncoder().encode(text);

const test = suite('a gateway’s mapping');

test('a topic says whose it is, and nothing that it does not match', () => {
  const pattern = topicPattern('plant/{device}/+/temp');
  assert.is(pattern?.filter, 'plant/+/+/temp');
  assert.is(pattern?.match('plant/PLC_1/a/temp'), 'PLC_1');
  for (const other of ['plant/x/temp', 'plant/x/a/temp/b', 'plant/x/a/hum', '', 'Plant/x/a/temp']) {
    assert.is(pattern?.match(other), null);
  }
  for (const bad of ['#', 'a/#', 'a/{device}/{device}', '$SYS/x', 'a//b', 'a/b+', '', 'x'.repeat(300)]) {
    assert.is(topicPattern(bad), null, bad);
  }
});

test('a value is read from text, JSON and CBOR by its path, and nothing else is a value', () => {
  const tries: [unknown, Uint8Array, 'number' | 'json' | 'cbor', string[]][] = [
    [21.5, bytes(' 21.5\n'), 'number', []],
    [-3e2, bytes('-3e2'), 'number', []],
    [null, bytes('21.5 C'), 'number', []],
    [null, bytes('NaN'), 'number', []],
    [null, bytes('0x10'), 'number', []],
    [null, bytes('1e13'), 'number', []],
    [1.5, bytes('{"p":[{"bar":"1.5"}]}'), 'json', ['p', '0', 'bar']],
    [1, bytes('{"on":true}'), 'json', ['on']],
    [null, bytes('{"p":{}}'), 'json', ['p', 'constructor', 'length']],
    [null, bytes('['.repeat(10_000)), 'json', ['0']],
    [null, bytes(`{"p":1${' '.repeat(20_000)}}`), 'json', ['p']],
    [7, encodeCbor({ level: 7 }), 'cbor', ['level']],
    [null, bytes('\xff'), 'cbor', ['level']],
  ];
  for (const [value, payload, format, path] of tries) assert.is(valueIn(payload, format, path), value);
  void fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom('number', 'json', 'cbor'), (payload, format) => {
      const value = valueIn(payload, format as 'number', ['0']);
      assert.ok(value === null || Number.isFinite(value));
    }),
  );
});

test('each mistake is named with file, line and what to write instead', () => {
  const mapped = parseMapping('plant.yaml', MAPPING);
  assert.is(mapped.topics.length, 3);
  const line = (n: number) => MAPPING.split('\n')[n - 1] ?? '';
  const tries: [number, RegExp, string][] = [
    [2, /broker is no address; give `broker: mqtt/, MAPPING.replace('mqtt://127.0.0.1:1884', 'http://x')],
    [1, /names no broker/, MAPPING.replace(`${line(2)}\n`, '')],
    [4, /is no device’s name; write a-z/, MAPPING.replace('[plc-1]', '[PLC 1]')],
    [6, /is no topic; write levels/, MAPPING.replace('plant/{device}/temp', 'plant/#')],
    [6, /does not say whose it is/, MAPPING.replace('plant/{device}/temp', 'plant/x/temp')],
    [8, /does not say whose it is/, MAPPING.replace('boiler/+/level', 'boiler/{device}/level')],
    [6, /has two limits/, MAPPING.replace('above: 80', 'above: 80, below: 2')],
    [6, /critical is on the healthy side/, MAPPING.replace('critical: 95', 'critical: 20')],
    [7, /path is for json and cbor/, MAPPING.replace('format: json', 'format: number')],
    [7, /is no format; one of number, json, cbor/, MAPPING.replace('format: json', 'format: xml')],
    [8, /unknown key color/, MAPPING.replace('path: level', 'path: level, color: red')],
    [8, /has no good metric/, MAPPING.replace('level_percent', 'Level')],
    [6, /says two things of the metric temperature_c/, MAPPING.replace('pressure_bar', 'temperature_c')],
    [1, /no known version/, MAPPING.replace('version: 1', 'version: 2')],
    [1, /maps no topic/, 'version: 1\nbroker: mqtt://x\n'],
    [1, /over 65536 bytes/, `${MAPPING}#${'x'.repeat(70_000)}`],
  ];
  for (const [at, why, text] of tries) {
    assert.throws(
      () => parseMapping('plant.yaml', text),
      (error: unknown) => {
        if (!(error instanceof WatchError)) throw error;
        assert.match(error.message, why);
        assert.is(error.line, at, error.message);
        return error.message.startsWith(`plant.yaml:${at}: `);
      },
    );
  }
});

test('one message is one reading; what says nothing is silent, and not while its broker is away', () => {
  let now = 0;
  const sense = new DevicesSense(parseMapping('m', MAPPING), () => now);
  const values = () => new Map(sense.sample(now).map(({ name, value }) => [name, value]));
  assert.equal(sense.devices(), ['plc-1', 'boiler']);
  now = 100_000;
  assert.is(values().get('device.silent_s[plc-1]'), null, 'nobody could be heard');
  sense.reachable(true);
  sense.hear('plant/PLC-1/temp', bytes('81'), false);
  sense.hear('plant/plc-2/all', bytes('{"p":[{"bar":4}]}'), false);
  assert.equal(
    [...values()].filter(([, value]) => value !== null),
    [
      ['device.temperature_c[plc-1]', 81],
      ['device.silent_s[plc-1]', 0],
      ['device.silent_s[boiler]', 0],
      ['device.pressure_bar[plc-2]', 4],
      ['device.silent_s[plc-2]', 0],
    ],
  );
  now += 61_000;
  assert.is(values().get('device.temperature_c[plc-1]'), null);
  assert.is(values().get('device.silent_s[plc-1]'), 61);
  assert.equal(sense.factsOf('plc-1'), { 'last.temperature_c': '81 C', silent: '61 s' });
  sense.hear('plant/PLC-1/temp', bytes('20'), true);
  assert.is(values().get('device.silent_s[plc-1]'), 61, 'what is retained is of yesterday');
  sense.reachable(false);
  now += 1_000_000;
  sense.reachable(true);
  assert.is(values().get('device.silent_s[plc-1]'), 61);
  const silent = limitsOf(parseMapping('m', MAPPING)).find(({ signal }) => signal === 'device.silent');
  assert.is(silent?.samples, 1);
});

test('every declared device has its room, or the mapping is refused; a topic of its own hides no other', () => {
  const topics = Array.from({ length: 10 }, (_, n) => `  - { topic: 'p/{device}/m${n}', metric: m${n} }`);
  const names = Array.from({ length: 64 }, (_, n) => `d${n}`).join(', ');
  const text = `version: 1\nbroker: mqtt://x\ndevices: [${names}]\ntopics:\n${topics.join('\n')}\n`;
  assert.throws(
    () => parseMapping('m', text),
    (error: unknown) => error instanceof WatchError && /64 devices with 704 readings/.test(error.message),
  );
  const both = `version: 1\nbroker: mqtt://x\ntopics:\n  - { topic: 'l/{device}/t', metric: t }\n  - { topic: b/level, device: boiler, metric: level }\n`;
  const sense = new DevicesSense(parseMapping('m', both), () => 0);
  sense.hear('b/level', bytes('1'), false);
  sense.hear('l/boiler/t', bytes('2'), false);
  assert.is(sense.sample(0).find(({ name }) => name === 'device.t[boiler]')?.value, 2);
  assert.is(sense.refused.size, 0);
});

test('names that make the same id, devices past the bound and payloads without a value are counted, not taken', () => {
  const sense = new DevicesSense(parseMapping('m', MAPPING), () => 0);
  sense.hear('plant/PLC_7/temp', bytes('1'), false);
  sense.hear('plant/plc-7/temp', bytes('2'), false);
  sense.hear('plant/--/temp', bytes('2'), false);
  assert.equal([...sense.refused], [['E_DEVICE_NAME', 2]]);
  sense.hear('plant/PLC_7/temp', bytes('hot'), false);
  assert.is(sense.refused.get('E_DEVICE_PAYLOAD'), 1);
  for (let n = 0; n < 200; n++) sense.hear(`plant/d${n}/temp`, bytes('1'), false);
  assert.is(sense.devices().length, MAPPING_LIMITS.devices);
  assert.is(sense.refused.get('E_DEVICE_MANY'), 200 - (MAPPING_LIMITS.devices - 3));
  assert.ok(sense.sample(0).length <= 256);
});

test.run();
