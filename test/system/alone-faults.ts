import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import type { Incident } from '../../hub/incident.ts';
import { Running } from './running.ts';
import { type BootedSystem, bootSystemd } from './systemd-root.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const NODE = '/usr/bin/node';
const SENTINEL = [NODE, '/opt/hub/dist/sentinel.js'];
const STATE = ['--state', '/srv/site'];
const QUIET = 'version: 1\nsenses:\n  load: off\n  cpu: off\n  pressure: off\n';

/** A fault and what is to become of it. */
export interface Expected {
  readonly scenario: string;
  readonly signal: string;
  readonly playbook: string;
  readonly cause: string;
}

/** A rule lets four plans run on a host within an hour, so each host has four. */
export const HOSTS: readonly (readonly Expected[])[] = [
  [
    { scenario: 'cpu-spin', signal: 'group.cpu', playbook: 'unit-cpu', cause: 'runaway-service' },
    { scenario: 'memory-hog', signal: 'group.memory', playbook: 'unit-memory', cause: 'memory-leak' },
    { scenario: 'fd-leak', signal: 'group.files', playbook: 'descriptor-leak', cause: 'fd-leak' },
    { scenario: 'fork-storm', signal: 'group.processes', playbook: 'unit-processes', cause: 'fork-storm' },
  ],
  [
    { scenario: 'zombies', signal: 'host.zombies', playbook: 'unit-zombies', cause: 'zombies' },
    { scenario: 'job-failed', signal: 'unit.failed', playbook: 'timer-failed', cause: 'timer-failed' },
    { scenario: 'workload-ended', signal: 'group.missing', playbook: 'unit-missing', cause: 'workload-missing' },
    { scenario: 'held-log', signal: 'disk.space', playbook: 'deleted-open-restart', cause: 'deleted-open-files' },
  ],
];

/**
 * Real faults under a real systemd, found, explained, mended and verified with nobody there: what a user starts with one
 * command, and no hand in between. Resolves with the incidents as they ended; rejects at the first that did not end so.
 */
export async function resolveAlone(faults: readonly Expected[]): Promise<readonly Incident[]> {
  const dir = mkdtempSync('/var/tmp/sentinel-test-alone-');
  // The machine that tests is busy, which is no trouble of this test's.
  mkdirSync(join(dir, 'agent/watch.d'), { recursive: true });
  writeFileSync(join(dir, 'agent/watch.d/quiet.yaml'), QUIET);
  const system = await bootSystemd([
    { from: process.execPath, to: NODE },
    { from: join(ROOT, 'dist'), to: '/opt/hub/dist' },
    { from: realpathSync(join(ROOT, 'node_modules')), to: '/opt/hub/node_modules' },
    { from: dir, to: '/srv/site', writable: true },
  ]);
  try {
    const up = command(system, 'up', '--headless', '--live', '--auto-approve', 'allow-only', '--interval', '0.5');
    await up.says(/^up {4}/m);
    const ended: Incident[] = [];
    for (const fault of faults) ended.push(await resolvedAlone(system, up, fault));
    assert.is(system.run([...SENTINEL, 'audit', 'verify', ...STATE]).status, 0);
    await up.stop();
    return ended;
  } finally {
    await system.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function resolvedAlone(system: BootedSystem, up: Running, expected: Expected): Promise<Incident> {
  const { scenario, signal, playbook, cause } = expected;
  const began = performance.now();
  const seen = up.said.length;
  const fault = command(system, 'scenario', 'run', scenario, '--unit', '--linger', '90', '--json');
  const end = /(resolved|escalated|failed|outcome_unknown|expired|cancelled) {2}.*?incident=(\w{26})/;
  const about = (one: Incident) => one.event.signal === signal;
  let ended: Incident | undefined;
  try {
    await fault.says(/"event":"started"/);
    for (let from = seen; ended === undefined; ) {
      const [line, , id = ''] = await up.says(end, from);
      from = up.said.indexOf(line, from) + line.length;
      const shown = system.run([...SENTINEL, 'incident', 'show', id, '--json', ...STATE]);
      const incident: Incident = JSON.parse(shown.stdout);
      if (about(incident)) ended = incident;
    }
    await fault.says(/"event":"fixed"/);
  } catch (error) {
    // Why it waits for a person is in the incident, not in the log.
    const [newest] = system.run([...SENTINEL, 'incident', 'list', '--json', ...STATE]).stdout.split('\n');
    const { id }: { id: string } = JSON.parse(newest || '{"id":""}');
    const shown = system.run([...SENTINEL, 'incident', 'show', id, ...STATE]).stdout;
    throw new Error(`${scenario}: ${error instanceof Error ? error.message : error}\n${fault.said}\n${shown}`);
  } finally {
    await fault.stop();
  }
  const told = ended.timeline.map(({ state, note }) => `${state}: ${note}`).join('\n');
  assert.is(ended.state, 'resolved', told);
  assert.equal([ended.plan?.playbook, ended.plan?.class], [playbook, cause], told);
  assert.equal([ended.approval?.alone, ended.route?.code], [true, 'alone'], told);
  assert.ok(
    ended.results.some(({ step, state }) => step?.phase === 'step' && state === 'done'),
    told,
  );
  console.error(`${scenario}: ${playbook}, resolved after ${Math.round((performance.now() - began) / 100) / 10} s`);
  return ended;
}

/** One command of the front door inside. */
const command = (system: BootedSystem, ...argv: string[]): Running =>
  new Running(system, [...SENTINEL, ...argv, ...STATE]);
