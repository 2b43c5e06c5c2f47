import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BROKER } from '../../broker/broker-limits.ts';
import { LIMITS } from '../../broker/messages.ts';
import { PacketError, PacketScanner } from '../../broker/packet-scanner.ts';
import {
  connectPacket,
  PINGREQ,
  packet,
  publishPacket,
  type RawPacket,
  RawReader,
  readPublish,
  subscribePacket,
} from './mqtt-bytes.ts';

const test = suite('packet scanner');

const CONNECT = connectPacket('web-1', 'secret');
const TOPIC = 's/1/web-1/e';
const NUMBER = 4_711;
const publish = (size: number, qos: number, retain = false): Buffer =>
  publishPacket(TOPIC, Buffer.alloc(size, 7), { id: qos === 0 ? 0 : NUMBER, retain });

/** What a reader behind the scanner sees of these bytes, let in as soon as CONNECT has passed. */
function through(chunks: readonly Buffer[]): { packets: RawPacket[]; oversize: number; ended: number } {
  const packets: RawPacket[] = [];
  const reader = new RawReader((packet) => packets.push(packet));
  let oversize = 0;
  let ended = 0;
  const scanner = new PacketScanner(() => oversize++);
  for (const chunk of chunks) {
    for (let rest: Buffer | null = chunk; rest !== null; ) {
      const scanned = scanner.scan(rest);
      if (scanned.passed !== null) reader.read(scanned.passed);
      ended += scanned.ended;
      if (scanner.held) scanner.letIn();
      rest = scanned.rest;
    }
  }
  return { packets, oversize, ended };
}

/** Cut at these places, whatever is there. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...ends, bytes.length]
    .map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
    .filter(({ length }) => length > 0);
}

test('packets that fit pass as they are, wherever the stream is cut', () => {
  const kinds = fc.oneof(
    fc.tuple(fc.integer({ min: 0, max: 400 }), fc.constantFrom(0, 1)).map(([size, qos]) => publish(size, qos)),
    fc.constant(PINGREQ),
    fc.constant(subscribePacket('s/1/web-1/c', 1)),
  );
  fc.assert(
    fc.property(fc.array(kinds, { maxLength: 8 }), fc.array(fc.nat(4_000), { maxLength: 12 }), (packets, places) => {
      const all = [CONNECT, ...packets];
      const seen = through(cut(Buffer.concat(all), places));
      assert.equal(
        seen.packets.map(({ type, body }) => packet(type, body).toString('hex')),
        all.map((bytes) => bytes.toString('hex')),
      );
      assert.equal([seen.oversize, seen.ended], [0, all.length]);
    }),
  );
});

test('a PUBLISH that is too long passes without its payload and not retained; what follows is whole', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: LIMITS.payload + 400, max: 300_000 }),
      fc.constantFrom(0, 1),
      fc.boolean(),
      fc.array(fc.nat(310_000), { maxLength: 8 }),
      (size, qos, retain, places) => {
        const all = [CONNECT, publish(size, qos, retain), publish(3, 1), PINGREQ];
        const { packets, oversize } = through(cut(Buffer.concat(all), places));
        const [, long, short, ping] = packets;
        assert.ok(long && short && ping && packets.length === 4);
        const id = qos === 0 ? 0 : NUMBER;
        assert.equal(readPublish(long), { topic: TOPIC, id, payload: Buffer.alloc(0), retain: false });
        assert.equal([readPublish(short).payload.length, ping.type, oversize], [3, 0xc0, 1]);
      },
    ),
    { numRuns: 50 },
  );
});

test('nothing is passed on behind CONNECT before it is let in', () => {
  const scanner = new PacketScanner(() => {});
  const first = scanner.scan(Buffer.concat([CONNECT, PINGREQ]));
  assert.equal([first.passed, first.rest, scanner.held], [CONNECT, PINGREQ, true]);
  scanner.letIn();
  assert.equal(scanner.scan(PINGREQ).passed, PINGREQ);
});

const REFUSED: Readonly<Record<string, Buffer>> = {
  'a first packet that is not CONNECT': publish(1, 0),
  'an HTTP request': Buffer.from('GET / HTTP/1.1\r\n\r\n'),
  'a CONNECT of 1 MB, at its fixed header': Buffer.from([0x10, 0x80, 0x80, 0x40]),
  'a length of five bytes': Buffer.from([0x10, 0x80, 0x80, 0x80, 0x80, 0x01]),
};
for (const [name, bytes] of Object.entries(REFUSED)) {
  test(`refused: ${name}`, () => {
    assert.throws(
      () => new PacketScanner(() => {}).scan(bytes),
      (error: unknown) => error instanceof PacketError,
    );
  });
}

test('refused after CONNECT: a SUBSCRIBE of a megabyte, and a long PUBLISH whose topic is too long', () => {
  for (const bytes of [
    Buffer.from([0x82, 0x80, 0x80, 0x40]),
    Buffer.from([0x32, 0x80, 0x80, 0x40, (BROKER.topicBytes + 1) >> 8, (BROKER.topicBytes + 1) & 0xff, 0x61]),
  ]) {
    const scanner = new PacketScanner(() => {});
    scanner.scan(CONNECT);
    scanner.letIn();
    const scan = () => {
      for (let rest: Buffer | null = bytes; rest !== null; ) rest = scanner.scan(rest).rest;
    };
    assert.throws(scan, (error: unknown) => error instanceof PacketError);
  }
});

test('any bytes: either refused with its code, or all accounted for', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(300), { maxLength: 4 }), (bytes, places) => {
      const scanner = new PacketScanner(() => {});
      scanner.scan(CONNECT);
      scanner.letIn();
      try {
        let passed = 0;
        for (const chunk of cut(Buffer.from(bytes), places)) {
          for (let rest: Buffer | null = chunk; rest !== null; ) {
            const scanned = scanner.scan(rest);
            passed += scanned.passed?.length ?? 0;
            assert.ok(scanned.rest === null || scanned.rest.length < rest.length || scanned.passed !== null);
            rest = scanned.rest;
          }
        }
        assert.ok(passed <= bytes.length);
      } catch (error) {
        assert.instance(error, PacketError);
      }
    }),
    { numRuns: 2_000 },
  );
});

test.run();
