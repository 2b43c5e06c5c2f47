import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ProcFiles } from '../../agent/sense/proc-files.ts';

const test = suite('files of /proc');

/** How many files this process has open on a path. */
function opened(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // the listing's own
    }
  }).length;
}

test('a file of the host is opened once, says what is so now, and is closed at the end', () => {
  const proc = new ProcFiles();
  const first = proc.text('self/io');
  // What was just read is counted in what is read next.
  assert.is.not(proc.text('self/io'), first);
  for (let i = 0; i < 3; i++) assert.match(proc.head('uptime'), /^\d/);
  assert.is(opened('/proc/uptime'), 1);
  proc.close();
  assert.is(opened('/proc/uptime'), 0);
  assert.match(proc.head('uptime'), /^\d/, 'opened anew');
  proc.close();
});

test('no file of a process stays open, nor more than some of the host', () => {
  const proc = new ProcFiles();
  const name = `${process.pid}/limits`;
  assert.match(proc.text(name), /Max open files/);
  assert.is(opened(`/proc/${name}`), 0);
  const before = readdirSync('/proc/self/fd').length;
  const settings = readdirSync('/proc/sys/net/ipv4').map((one) => `sys/net/ipv4/${one}`);
  for (const setting of settings) {
    try {
      proc.head(setting);
    } catch {
      // A folder, or one that may only be written.
    }
  }
  assert.ok(settings.length > 60, 'more than are kept');
  assert.is(readdirSync('/proc/self/fd').length - before, 32);
  proc.close();
  assert.is(readdirSync('/proc/self/fd').length, before);
});

test('in a recorded tree a file that is replaced is read anew, and one longer than a read comes whole', () => {
  const root = mkdtempSync(join(tmpdir(), 'sentinel-test-'));
  try {
    const proc = new ProcFiles(root);
    mkdirSync(join(root, 'net'));
    for (const size of [0, 1, 8_191, 8_192, 8_193, 50_000]) {
      const text = 'd\u00fc'.repeat(size).slice(0, size);
      rmSync(join(root, 'net/dev'), { force: true });
      writeFileSync(join(root, 'net/dev'), text);
      assert.ok(proc.text('net/dev') === text, `${size} characters`);
    }
    rmSync(join(root, 'net/dev'));
    assert.throws(() => proc.head('net/dev'), /ENOENT/);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test.run();
