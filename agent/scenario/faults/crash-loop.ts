/** A supervisor that restarts its worker every 0.7 s or so, for ever, since the worker always dies. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stayBounded } from './bound.ts';

const RESTART_AFTER_MS = 50;
const worker = fileURLToPath(new URL('./crash-worker.js', import.meta.url));

function start(): void {
  // In this group, so that whoever ends the group ends the worker too.
  const child = spawn(process.execPath, [worker], { stdio: 'ignore', env: process.env });
  child.on('error', () => undefined);
  child.on('close', () => setTimeout(start, RESTART_AFTER_MS));
}

stayBounded();
start();
