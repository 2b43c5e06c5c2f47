import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { WatchedGroup } from '../../agent/drop-in/groups.ts';
import { GroupsSense } from '../../agent/sense/groups.ts';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import { ProcessesSense } from '../../agent/sense/processes.ts';

interface One {
  readonly pid: number;
  readonly pgrp: number;
  readonly comm?: string;
  readonly start?: number;
  readonly ticks?: number;
  readonly rss?: number;
}

/** A recorded host whose processes a test sets before each sample. */
function host(group: Partial<WatchedGroup>) {
  const root = mkdtempSync(join(tmpdir(), 'sentinel-groups-'));
  const pgidFile = join(root, 'pgid');
  const proc = new ProcFiles(join(root, 'proc'));
  const processes = new ProcessesSense(proc);
  const groups = new GroupsSense(proc, processes, () => [{ name: 'g', pgidFile, ...group }]);
  return {
    pgidFile,
    groups,
    remove: () => rmSync(root, { recursive: true }),
    sample(now: number, running: readonly One[]): (number | null)[] {
      rmSync(proc.root, { recursive: true, force: true });
      mkdirSync(proc.root);
      for (const { pid, pgrp, comm = 'x', start = 1, ticks = 0, rss = 0 } of running) {
        mkdirSync(proc.path(String(pid)));
        writeFileSync(
          proc.path(`${pid}/stat`),
          `${pid} (${comm}) S 1 ${pgrp} 1 0 -1 0 0 0 0 0 ${ticks} 0 0 0 20 0 1 0 ${start} 0 ${rss} 0\n`,
        );
      }
      processes.sample(now);
      return groups.sample(now).map(({ value }) => value);
    },
  };
}

const test = suite('sense: groups');

test('adds up memory and processor time of its members alone', () => {
  const { sample, pgidFile, groups, remove } = host({ memoryMib: 5 });
  writeFileSync(pgidFile, '10\n');
  const running = (ticks: number): One[] => [
    { pid: 10, pgrp: 10, rss: 256, ticks },
    { pid: 11, pgrp: 10, rss: 256, ticks },
    { pid: 12, pgrp: 12, rss: 9_999, ticks: ticks * 9 },
  ];
  assert.equal(sample(0, running(0)), [2, 0, 0]);
  assert.equal(sample(1_000, running(30)), [2, 60, 0]);
  assert.is(groups.sample(1_000)[0]?.limit, 5);
  assert.is(groups.groupOf(11), 'g');
  assert.is(groups.groupOf(12), undefined);
  remove();
});

test('counts births beyond the first seen, for a minute', () => {
  const { sample, pgidFile, remove } = host({});
  writeFileSync(pgidFile, '10\n');
  const leader = { pid: 10, pgrp: 10 };
  const restarts = (now: number, ...pids: number[]): number | null | undefined =>
    sample(now, [leader, ...pids.map((pid) => ({ pid, pgrp: 10 }))])[2];
  assert.is(restarts(0, 11, 12), 0);
  assert.is(restarts(1_000, 12, 13), 1);
  assert.is(restarts(2_000, 13), 1);
  assert.is(restarts(3_000, 14), 2);
  assert.is(restarts(61_500, 14), 1);
  assert.is(restarts(64_000, 14), 0);
  remove();
});

test('a service that is down for a moment restarts; one that was gone for long begins anew', () => {
  const other = host({});
  writeFileSync(other.pgidFile, '10\n');
  const at = (now: number, ...pids: number[]) =>
    other.sample(
      now,
      pids.map((pid) => ({ pid, pgrp: 10 })),
    )[2];
  assert.is(at(0, 20), 0);
  assert.is(at(1_000), 0);
  assert.is(at(4_000, 21), 1, 'it was away for three seconds');
  assert.is(at(5_000), 1);
  assert.is(at(16_000), 0, 'stopped: nothing restarts');
  assert.is(at(17_000, 22), 1, 'the birth of before is still within the minute, the new one does not count');
  other.remove();
});

test('a group id that was given to someone else since is nobody', () => {
  const { sample, pgidFile, remove } = host({});
  writeFileSync(pgidFile, '10 500\n');
  assert.equal(sample(0, [{ pid: 10, pgrp: 10, start: 500, rss: 256 }]), [1, 0, 0]);
  assert.equal(sample(1_000, [{ pid: 10, pgrp: 10, start: 900, rss: 256 }]), [0, 0, 0]);
  remove();
});

test('a missing file is a group that does not run; an unreadable one is a gap', () => {
  const { sample, pgidFile, remove } = host({});
  assert.equal(sample(0, [{ pid: 1, pgrp: 1 }]), [0, 0, 0]);
  writeFileSync(pgidFile, 'rm -rf /\n');
  assert.equal(sample(1_000, [{ pid: 1, pgrp: 1 }]), [null, null, null]);
  remove();
});

test('matches by exact name', () => {
  const root = host({ match: { comm: 'a b' } });
  writeFileSync(root.pgidFile, '10\n');
  assert.is(
    root.sample(0, [
      { pid: 10, pgrp: 10, comm: 'a b', rss: 256 },
      { pid: 11, pgrp: 10, comm: 'a', rss: 256 },
    ])[0],
    1,
  );
  root.remove();
});
test.run();
