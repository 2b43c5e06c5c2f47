import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Detector } from '../../agent/detect/detector.ts';
import { Learned } from '../../agent/learned.ts';

const learned = suite('learned state on disk');

const reading = (value: number) => [{ name: 'cpu.percent', unit: '%', scale: 0.01, value }];

learned('a restart goes on with what was learned; a damaged file is learned anew', () => {
  const folder = mkdtempSync('/var/tmp/sentinel-test-learned-');
  let now = 1_700_000_000_000;
  try {
    const detector = new Detector();
    for (let i = 0; i < 500; i++) detector.feed(now + i * 30_000, reading(20 + (i % 7)));
    const keeper = new Learned(folder, () => now);
    assert.is(keeper.load().size, 0);
    keeper.keep(detector);
    assert.is(keeper.load().size, 0, 'not before an hour has passed');
    now += 3_600_000;
    keeper.keep(detector);
    assert.equal([...keeper.load().keys()], ['cpu.percent']);
    const again = new Detector(undefined, { saved: keeper.load() });
    again.feed(now + 500 * 30_000, reading(21));
    detector.feed(now + 500 * 30_000, reading(21));
    assert.equal(again.save(), detector.save());
    writeFileSync(join(folder, 'learned.bin'), Buffer.alloc(100, 7));
    assert.is(keeper.load().size, 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

learned.run();
