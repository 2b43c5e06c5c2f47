import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { birthOf, encodeBirth } from '../../agent/birth.ts';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import { Sensor } from '../../agent/sense/sensor.ts';
import { Watch } from '../../agent/watch.ts';
import { decodeCbor } from '../../broker/cbor.ts';
import { type Birth, birth, LIMITS } from '../../broker/messages.ts';

const births = suite('birth');

const NAMED = (units: number, processes: number): Birth => ({
  agent: 'edge-01',
  boot: '0'.repeat(16),
  key: new Uint8Array(32),
  version: '0.1.0',
  host: { os: 'linux', arch: 'x64', kernel: '6.1', cores: 2, memory: 2 ** 30, tags: [] },
  schema: 1,
  metrics: [{ name: 'cpu.percent', unit: '%', scale: 0.01 }],
  inventory: {
    units: Array.from({ length: units }, (_, i) => `unit-${i}-${'x'.repeat(90)}.service`),
    mounts: ['/'],
    containers: [],
    hosts: ['edge-01'],
    folders: ['/var/spool/x'],
    processes: Array.from({ length: processes }, (_, i) => ({ pid: i + 1, start: i, comm: 'p', exe: '/usr/bin/p' })),
  },
  can: { live: false, privileged: false },
  ring: { oldest: 0, newest: 0, dropped: 0 },
});

births('an ordinary one is whole; one with too many names is cut until the broker takes it', () => {
  assert.equal(birth(decodeCbor(encodeBirth(NAMED(100, 50))), ''), NAMED(100, 50));
  const large = encodeBirth(NAMED(4_000, 4_000));
  assert.ok(large.length < LIMITS.payload);
  const read = birth(decodeCbor(large), '');
  assert.is(read.inventory.processes.length, 0, 'processes are cut first');
  assert.ok(read.inventory.units.length > 100);
  assert.equal(read.inventory.folders, ['/var/spool/x']);
});

births('it says what the site calls the host', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sentinel-watch-'));
  writeFileSync(join(dir, 'a.yaml'), 'version: 1\ntags: [role=database]\n');
  const sensor = new Sensor({ proc: new ProcFiles(), watch: new Watch(dir), cores: 1 });
  await sensor.sample();
  const { agent, boot, key, ring } = NAMED(0, 0);
  const said = birth(decodeCbor(encodeBirth(birthOf(sensor, { agent, boot, key, ring, live: false }))), '');
  assert.equal(said.host.tags, ['role=database']);
  rmSync(dir, { recursive: true });
});

births.run();
