import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Console } from '../../broker/command-line.ts';
import { type Log, lineLog } from '../../broker/log.ts';
import { claim, StateError, type StateFolder } from '../../broker/state-folder.ts';
import { auditLog } from '../audit-log.ts';
import { findBinary } from '../binaries.ts';
import { environmentOf, NO_HOME } from '../environment.ts';
import { checkPrivilegedPath } from '../paths.ts';
import { wasHalted } from '../trust.ts';
import { guard } from './guard.ts';
import { UpgradeState, upgradeFolder } from './upgrade-state.ts';

/** What is told to start again: the executor where it runs, and its socket, which gives up on one that does not start. */
const RESTARTS: readonly (readonly string[])[] = [
  ['reset-failed', 'sentinel-exec.service', 'sentinel-exec.socket', 'sentinel-agent.service'],
  ['stop', 'sentinel-exec.service'],
  ['start', 'sentinel-exec.socket'],
  ['restart', 'sentinel-agent.service'],
];

/** `exec --guard BUNDLE`: sees a switch of versions through, and ends. */
export async function guardCommand(state: StateFolder, bundle: string, io: Console): Promise<void> {
  const log = lineLog('exec', io.stdout, process.env['JOURNAL_STREAM'] !== undefined);
  const folder = upgradeFolder(state);
  const upgrades = new UpgradeState(folder);
  if (process.geteuid?.() === 0) for (const path of [folder, bundle]) checkPrivilegedPath(path);
  const release = claimed(folder, log);
  try {
    await guard({
      ...{ state: upgrades, bundle, log, now: Date.now },
      isHalted: () => wasHalted(join(state.root, 'exec')),
      restart: async () => {
        for (const words of RESTARTS)
          await systemctl(words, (why) => log.warn('systemctl', { words: words.join(' '), why }));
      },
      signal: io.signal,
      audit: auditLog(join(state.root, 'exec', 'audit.jsonl'), Date.now),
    });
  } finally {
    release();
  }
}

/** The folder, held for this process; a full disk that takes no claim must not keep the version before from coming back. */
function claimed(folder: string, log: Log): () => void {
  try {
    return claim(folder, 'a guard');
  } catch (error) {
    if (!(error instanceof StateError && error.code === 'E_STATE_READONLY')) throw error;
    log.warn('goes on without a claim', { why: error.message });
    return () => {};
  }
}

/** One that fails is told: the switch goes on, since its deadline decides. */
function systemctl(words: readonly string[], failed: (why: string) => void): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn(findBinary('systemctl'), [...words], {
      cwd: '/',
      env: environmentOf(NO_HOME),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    child.on('error', (error) => {
      failed(error.message);
      resolve();
    });
    child.on('close', (status) => {
      if (status !== 0) failed(`ended with ${status}`);
      resolve();
    });
  });
}
