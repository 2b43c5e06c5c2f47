import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openCgroups, ownGroup } from '../../agent/bound/cgroup.ts';
import { openStrays } from '../../agent/bound/strays.ts';
import { environmentOf, NO_HOME } from '../../agent/environment.ts';
import { runProgram } from '../../agent/run-program.ts';
import { programOf } from './order-fixtures.ts';

/** Little of each, so that what must be ended is small too. */
const SMALL = { processes: 20, memory: 64 * 1_048_576 };
/** Set where a service manager gave this process a group of its own, as the executor's unit asks for. */
const delegated = process.env['SENTINEL_TEST_DELEGATED'] === '1';
const cgroups = openCgroups(delegated, SMALL);
const kinds = [openStrays(environmentOf(NO_HOME), SMALL), ...(cgroups === null ? [] : [cgroups])];

/** Every process of the host that was started with this word: no group or session hides one from it. */
function withWord(word: string): number {
  return pidsWith(word).length;
}

function pidsWith(word: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word);
    } catch {
      return false;
    }
  });
}

const bash = (script: string) => programOf(['bash', '--norc', '-c', script]);
let runs = 0;
/** A length of sleep that nobody else on this host asks for: what is still there with it is ours. */
const mark = () => `60${process.pid}.${++runs}`;

for (const cages of kinds) {
  const test = suite(`bounds: ${cages.kind}`);
  const run = (script: string, timeoutMs = 60_000) => runProgram(bash(script), timeoutMs, Date.now, { cages });

  test('a fork bomb is ended whole, and says which bound it ran into', async () => {
    const word = mark();
    // Ours ends by itself at 2^8 processes, whatever becomes of the bound.
    const bomb = `b() { if [ $1 -gt 0 ]; then b $(($1 - 1)) & b $(($1 - 1)) & fi; exec sleep ${word}; }; b 7`;
    const { state, code } = await run(bomb);
    assert.equal([state, code], ['failed', 'E_LIMIT_PROCESSES']);
    assert.is(withWord(word), 0);
  });

  test('output without an end is stopped early, in order and out of a pipe', async () => {
    for (const script of ['yes', 'yes 1>&2', 'yes | cat']) {
      const { state, code, stdout, stderr, truncated } = await run(script);
      assert.equal([state, code, truncated], ['failed', 'E_LIMIT_OUTPUT', true], script);
      assert.is(Math.max(stdout.length, stderr.length), 8_192);
    }
  });

  test('what ignores SIGTERM, what left its group, and what left its parent too, all go at the timeout', async () => {
    const word = mark();
    const script = `trap '' TERM; setsid sleep ${word} & (setsid sleep ${word} &) ; sleep ${word}`;
    const { state } = await run(script, 400);
    assert.is(state, 'timeout');
    assert.is(withWord(word), 0);
  });

  test('a process that is left behind with the output in its hand does not hold its step up', async () => {
    const word = mark();
    const { state, exit, stdout } = await run(`sleep ${word} & echo said`);
    assert.equal([state, exit, stdout], ['done', 0, 'said\n']);
    // As behind a shell it lives on; this test ends it itself.
    assert.is(withWord(word), 1);
    for (const pid of pidsWith(word)) process.kill(Number(pid), 'SIGKILL');
    while (withWord(word) > 0) await sleep(10);
  });

  test('too much memory ends it', async () => {
    // tail keeps a line until it ends, and this one has no end.
    const { state, exit } = await run('set -o pipefail; head -c 300000000 /dev/zero | tail -n 1 | wc -c');
    assert.is(state, 'failed');
    assert.is.not(exit, 0);
  });

  test.run();
}

const tree = suite('own cgroup');

tree('is found by the mount that holds it', () => {
  const v2 = '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw';
  assert.is(ownGroup(v2, '0::/system.slice/x.service\n'), '/sys/fs/cgroup/system.slice/x.service');
  const hybrid = `24 20 0:21 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n${v2.replace('/sys/fs/cgroup', '/c/unified')}`;
  assert.is(ownGroup(hybrid, '9:name=systemd:/a\n8:pids:/b\n0::/\n'), '/c/unified');
  const inContainer = v2.replace(' / /sys', ' /docker/abc /sys');
  assert.is(ownGroup(inContainer, '0::/docker/abc/x\n'), '/sys/fs/cgroup/x');
  assert.is(ownGroup(inContainer, '0::/docker/abcd\n'), null);
  assert.is(ownGroup('', '0::/\n'), null);
  assert.is(ownGroup(v2, '8:pids:/\n'), null);
});

const own = ownGroup(readFileSync('/proc/self/mountinfo', 'utf8'), readFileSync('/proc/self/cgroup', 'utf8'));

if (cgroups !== null && own !== null) {
  tree('what a killed process left is in nobody’s way, and is taken out', () => {
    const dead = spawnSync('true').pid;
    const left = [`${dead}-1`, `${process.pid}-1`, `${process.pid}-2`].map((end) => join(own, `sentinel-run-${end}`));
    for (const folder of left) mkdirSync(folder);
    const cages = openCgroups(delegated, SMALL);
    const cage = cages?.make();
    assert.equal(left.map(existsSync), [false, false, false]);
    assert.ok(cage);
    cage.close();
  });
}

tree.run();
