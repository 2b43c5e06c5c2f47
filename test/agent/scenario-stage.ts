import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { Detector } from '../../agent/detect/detector.ts';
import type { Finding } from '../../agent/detect/finding.ts';
import { scenarioCommand } from '../../agent/scenario/command.ts';
import { ProcFiles } from '../../agent/sense/proc-files.ts';
import { Sensor } from '../../agent/sense/sensor.ts';
import { Watch } from '../../agent/watch.ts';

/** A loaded machine with two cores may be slow; a good run takes a tenth of it. */
export const LIMIT_MS = 90_000;

export interface Started {
  readonly event: string;
  readonly signal: string;
  readonly metric: string;
  readonly pid: number;
  readonly folder: string | null;
}

/** A state folder, an agent's sensor and detector on it, and the command beside them. */
export function stage(name: string, extra: readonly string[]) {
  const state = mkdtempSync(join(tmpdir(), 'sentinel-scenario-'));
  mkdirSync(join(state, 'agent'));
  const watch = new Watch(join(state, 'agent', 'watch.d'));
  const sensor = new Sensor({ proc: new ProcFiles(), watch, cores: availableParallelism() });
  const detector = new Detector();
  const abort = new AbortController();
  const lines: string[] = [];
  const io = {
    stdout: (line: string) => lines.push(line),
    stderr: (line: string) => lines.push(line),
    signal: abort.signal,
  };
  const done = scenarioCommand(['run', name, '--state', state, '--json', ...extra], io);
  let code: number | undefined;
  void done.then((exit) => {
    code = exit;
  });
  const started = (): Started | undefined =>
    lines.map((line) => JSON.parse(line) as Started).find(({ event }) => event === 'started');
  /** Samples until a finding of this kind on the scenario's own metric. */
  async function until(kind: Finding['kind']): Promise<Finding> {
    const deadline = performance.now() + LIMIT_MS;
    while (performance.now() < deadline) {
      const sample = await sensor.sample();
      const own = detector
        .feed(sample.ts, sample.readings)
        .find((finding) => finding.kind === kind && finding.metric === started()?.metric);
      if (own !== undefined) return own;
      assert.is(code, undefined, `ended before the ${kind}: ${lines.join('\n')}`);
      await sleep(300);
    }
    throw new Error(`no ${kind} within ${LIMIT_MS} ms: ${lines.join('\n')}`);
  }
  const clean = (): void => {
    assert.equal(readdirSync(join(state, 'agent', 'watch.d')), []);
    assert.equal(readdirSync(join(state, 'scenarios')), []);
    const { pid, folder } = started() ?? { pid: 0, folder: null };
    assert.is(existsSync(`/proc/${pid}`), false, 'the fault is gone');
    if (folder !== null) assert.is(existsSync(folder), false, 'the folder is gone');
    assert.not.match(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(String(folder)));
    assert.equal(watch.errors(), []);
    sensor.close();
    rmSync(state, { recursive: true });
  };
  return { state, sensor, abort, lines, done, started, until, clean };
}
