import { spawnSync } from 'node:child_process';
import * as assert from 'uvu/assert';

const apt = (...args: readonly string[]) =>
  spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
    stdio: 'inherit',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });

/** Makes sure that Debian packages are there: `present` looks for what they bring. Fails the test when apt can't. */
export function needsPackages(packages: readonly string[], present: () => boolean): void {
  if (present()) return;
  const install = () => apt('install', '-y', '-q', '--no-install-recommends', ...packages);
  if (install().status !== 0) {
    apt('update', '-q');
    install();
  }
  assert.ok(present(), `${packages.join(', ')} could not be installed`);
}

/** Whether a command is found on the path of root. */
export const hasCommand = (name: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${name}`], { env: { PATH: ROOT_PATH } }).status === 0;

export const ROOT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
