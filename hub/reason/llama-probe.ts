import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { ReasonError } from './reasoner.ts';

/** The longest answer of a probe that is read; what a file makes llama.cpp print is not believed to be short. */
const MAX_ANSWER = 4_096;

export interface ProbeOptions {
  readonly file: string;
  readonly threads: number;
  /** Milliseconds until the probe is killed. */
  readonly deadlineMs: number;
}

/**
 * Lets another process load the file first. Resolves when it could; rejects with a ReasonError E_MODEL_LOAD (refused,
 * or too slow) or E_MODEL_CRASHED (the process died).
 */
export function probeModel({ file, threads, deadlineMs }: ProbeOptions): Promise<void> {
  const program = fileURLToPath(new URL('./model-probe.js', import.meta.url));
  // No environment: variables could make the library build, download or log. Its own group, since the library
  // starts a process of its own to test its binary.
  const child = spawn(process.execPath, [program, file, String(threads)], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {},
    cwd: '/',
    detached: true,
  });
  return new Promise((resolve, reject) => {
    let output = '';
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      killGroup(child);
    }, deadlineMs);
    child.stdin.on('error', () => {});
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output = (output + chunk).slice(0, MAX_ANSWER);
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new ReasonError('E_MODEL_LOAD', `the probe could not be started: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      child.stdin.destroy();
      const answer = /^sentinel-probe (\{.*\})$/m.exec(output)?.[1];
      if (late) reject(new ReasonError('E_MODEL_LOAD', `${file}: the probe gave no answer within ${deadlineMs} ms`));
      else if (code === 0 && answer !== undefined) resolve();
      else if (code === 3 && answer !== undefined) {
        reject(new ReasonError('E_MODEL_LOAD', `${file}: ${messageOf(answer)}`));
      } else {
        reject(new ReasonError('E_MODEL_CRASHED', `${file}: llama.cpp died on it (${signal ?? `exit ${code}`})`));
      }
    });
  });
}

function messageOf(answer: string): string {
  try {
    const value: unknown = JSON.parse(answer);
    if (typeof value === 'object' && value !== null && 'message' in value) return String(value.message).slice(0, 300);
  } catch {
    // Falls through: a half-written line says as little as none.
  }
  return 'llama.cpp refused it';
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}
