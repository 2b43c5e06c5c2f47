import { spawn } from 'node:child_process';
import type { Log } from '../broker/log.ts';

/** A third of what systemd waits for: one word that is late on a busy machine ends nothing. */
const WORDS_PER_WAIT = 3;

/** What a service manager is told of this process; where none asked (NOTIFY_SOCKET), nothing is done. */
export interface ServiceManager {
  /** It is ready; from now on it is said to be alive for as long as `isAlive` says so. */
  ready(isAlive: () => boolean): void;
  /** It ends of its own will: from now on nothing is said. */
  stopping(): void;
}

export interface ServiceManagerOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  /** Says words of sd_notify(3), as NAME=VALUE; settles when they were taken. */
  readonly tell?: (words: readonly string[]) => Promise<void>;
}

/**
 * systemd's readiness and watchdog (sd_notify(3)). NOTIFY_SOCKET takes datagrams alone, which Node can't send on a unix
 * socket, so each word is said by `systemd-notify`, a child of a few milliseconds: once when the hub is ready, and three
 * times in each WatchdogSec. The unit therefore has NotifyAccess=all.
 */
export function serviceManager({ env, log, tell = bySystemdNotify }: ServiceManagerOptions): ServiceManager {
  if (env['NOTIFY_SOCKET'] === undefined) return { ready: () => {}, stopping: () => {} };
  const say = (...words: string[]): void => {
    tell(words).catch((error: unknown) =>
      log.warn('the service manager could not be told', {
        code: 'E_NOTIFY',
        words: words.join(' '),
        why: String(error),
      }),
    );
  };
  let timer: NodeJS.Timeout | undefined;
  return {
    ready: (isAlive) => {
      say('READY=1');
      const waits = watchdogMs(env);
      if (waits === null) return;
      let wasAlive = true;
      timer = setInterval(() => {
        const alive = isAlive();
        if (alive) say('WATCHDOG=1');
        else if (wasAlive) log.error('not well: the service manager starts this hub again', { code: 'E_WATCHDOG' });
        wasAlive = alive;
      }, waits / WORDS_PER_WAIT);
      timer.unref();
    },
    stopping: () => {
      clearInterval(timer);
      say('STOPPING=1');
    },
  };
}

/** How long the service manager waits for a word; null where it does not. A watchdog of another process is not ours. */
function watchdogMs(env: NodeJS.ProcessEnv): number | null {
  const ms = Number(env['WATCHDOG_USEC']) / 1_000;
  const isOurs = env['WATCHDOG_PID'] === undefined || env['WATCHDOG_PID'] === String(process.pid);
  return isOurs && ms >= 1 ? ms : null;
}

function bySystemdNotify(words: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('systemd-notify', [...words], { stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      code === 0 ? resolve() : reject(new Error(`systemd-notify ended with ${code ?? signal}`)),
    );
  });
}
