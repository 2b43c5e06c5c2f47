import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCommand, needsPackages, ROOT_PATH } from './debian.ts';
import { BOOT_SCRIPT } from './systemd-script.ts';

/** What the root holds. Another list, or another release, is another cached root. */
const SUITE = 'bookworm';
const PACKAGES = ['systemd', 'systemd-sysv', 'dbus'];
const CACHE = `/var/tmp/sentinel-test-root-${SUITE}-${PACKAGES.join('-')}`;
/** A mirror that answers slowly; unpacking 240 MB on a busy machine. */
const BUILD_LIMIT_MS = 280_000;
/** From the first process to a reached default target, on a machine that others load too. It is 2 s on a quiet one. */
const BOOT_LIMIT_MS = 120_000;

/** A folder or file of this machine that the booted system sees. */
export interface Bind {
  readonly from: string;
  readonly to: string;
  readonly writable?: boolean;
}

/** A systemd that runs in namespaces of its own: pid, mount, ipc, uts, cgroup and net (only its own loopback). */
export interface BootedSystem {
  /** Runs a command inside as root and waits; nothing is thrown for its exit status. */
  run(
    argv: readonly string[],
    options?: { readonly input?: string; readonly timeout?: number },
  ): SpawnSyncReturns<string>;
  /** Starts a command inside; it ends with the system at the latest. */
  spawn(argv: readonly string[]): ChildProcess;
  /** Where a path of the booted system is seen from here; only as long as it runs. */
  path(inside: string): string;
  /** Ends everything that runs inside, and removes what the boot made. */
  stop(): Promise<void>;
}

/**
 * Boots the cached root, building it when it is not there. Needs root; installs debootstrap itself. What is written in it is
 * gone with it, unless `disk` names a folder that keeps it for the next boot.
 */
export async function bootSystemd(binds: readonly Bind[] = [], disk?: string): Promise<BootedSystem> {
  buildRoot();
  const stage = mkdtempSync(join(tmpdir(), 'sentinel-boot-'));
  const groups = makeGroups(`sentinel-boot-${process.pid}-${stage.slice(-6)}`);
  // The shell joins the control groups first, so that the cgroup namespace begins there.
  const join_ = groups.map((folder) => `echo $$ > '${folder}/cgroup.procs'`).join('; ');
  const enter = 'exec unshare --pid --mount --ipc --uts --cgroup --net --fork --kill-child sh -c "$@"';
  const args = binds.flatMap(({ from, to, writable }) => [from, to, writable === true ? 'rw' : 'ro']);
  const outer = spawn(
    'sh',
    ['-c', `${join_}; ${enter}`, 'sh', BOOT_SCRIPT, 'sh', CACHE, stage, disk ?? stage, ...args],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: ROOT_PATH },
    },
  );
  let complaints = '';
  outer.stderr?.on('data', (chunk) => (complaints = (complaints + chunk).slice(-4_000)));
  const ended = once(outer, 'exit');
  const stop = async (): Promise<void> => {
    const init = initOf(outer);
    if (init !== undefined && outer.exitCode === null) process.kill(init, 'SIGKILL');
    else outer.kill('SIGKILL');
    await ended;
    for (const folder of groups) await removeGroup(folder);
    rmSync(stage, { recursive: true, force: true });
  };
  try {
    const init = await whenUp(outer, () => complaints);
    // --wd: the present folder does not exist inside.
    const into = ['--target', String(init), '--all', '--wd=/', '--', 'env', '-i', `PATH=${ROOT_PATH}`, 'LANG=C.UTF-8'];
    return {
      run: (argv, { input = '', timeout = 120_000 } = {}) =>
        spawnSync('nsenter', [...into, ...argv], { input, timeout, encoding: 'utf8', maxBuffer: 64 * 1_048_576 }),
      spawn: (argv) => spawn('nsenter', [...into, ...argv]),
      path: (inside) => `/proc/${init}/root${inside}`,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The root, built once for all runs: whole or not there at all, and by one process at a time. */
function buildRoot(): void {
  const built = () => existsSync(CACHE);
  if (built()) return;
  needsPackages(['debootstrap'], () => hasCommand('debootstrap'));
  const draft = `${CACHE}.new`;
  const build = `
    [ -e ${CACHE} ] && exit 0
    rm -rf ${draft}
    debootstrap --variant=minbase --include=${PACKAGES.join(',')} ${SUITE} ${draft} || { cat ${draft}/debootstrap/debootstrap.log; exit 1; }
    rm -rf ${draft}/var/cache/apt/archives ${draft}/var/lib/apt/lists ${draft}/usr/share/doc ${draft}/usr/share/locale
    mv ${draft} ${CACHE}`;
  const { status, stdout, stderr } = spawnSync('flock', [`${CACHE}.lock`, 'sh', '-c', build], {
    encoding: 'utf8',
    timeout: BUILD_LIMIT_MS,
    env: { PATH: ROOT_PATH, LC_ALL: 'C' },
  });
  if (status !== 0 || !built())
    throw new Error(`no root could be built in ${CACHE}: ${(stdout + stderr).slice(-2_000)}`);
}

/** A control group of its own in each hierarchy that is mounted: what systemd makes below it goes with it. */
function makeGroups(name: string): string[] {
  const base = '/sys/fs/cgroup';
  const own = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n');
  const hierarchies = existsSync(join(base, 'cgroup.controllers'))
    ? [['', base]]
    : [
        ['name=systemd', join(base, 'systemd')],
        ['memory', join(base, 'memory')],
        ['pids', join(base, 'pids')],
        ['', join(base, 'unified')],
      ];
  return hierarchies.flatMap(([controller, mount]) => {
    if (mount === undefined || !existsSync(mount)) return [];
    const line = own.map((text) => text.split(':')).find((parts) => parts[1] === controller);
    const folder = join(mount, line?.[2] ?? '/', name);
    mkdirSync(folder);
    return [folder];
  });
}

async function removeGroup(folder: string): Promise<void> {
  for (let left = 200; existsSync(folder); left--) {
    try {
      removeTree(folder);
    } catch (error) {
      // The killed processes leave their groups a moment after they end.
      if (left === 0) throw error;
      await sleep(50);
    }
  }
}

function removeTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  }
  rmdirSync(folder);
}

/** The first process inside: the only child of `unshare`. */
function initOf(outer: ChildProcess): number | undefined {
  try {
    const children = readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, 'utf8').trim();
    return children === '' ? undefined : Number(children.split(' ')[0]);
  } catch {
    return undefined;
  }
}

async function whenUp(outer: ChildProcess, complaints: () => string): Promise<number> {
  const until = performance.now() + BOOT_LIMIT_MS;
  let said = '';
  while (performance.now() < until && outer.exitCode === null) {
    const init = initOf(outer);
    if (init !== undefined && isSystemd(init)) {
      const asked = spawnSync('nsenter', [
        '-t',
        String(init),
        '--all',
        '--wd=/',
        '--',
        'systemctl',
        'is-system-running',
      ]);
      said = `${asked.stdout}${asked.stderr}`.trim();
      if (said === 'running' || said === 'degraded') return init;
    }
    await sleep(100);
  }
  throw new Error(`systemd did not come up (${said}): ${complaints()}`);
}

function isSystemd(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`).endsWith('/systemd');
  } catch {
    return false;
  }
}
