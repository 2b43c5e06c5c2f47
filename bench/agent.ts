import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AGENT_NODE_FLAGS } from '../agent/node-flags.ts';
import { Site } from '../test/e2e/site.ts';
import { Exporter } from './agent/exporter.ts';
import { type ProcessCost, readCost } from './agent/process-cost.ts';
import type { Emit } from './row.ts';

/** The aims for an edge host. */
const AIM = { rssOverIdleMib: 32, cpuRatio: 0.5, subprocesses: 0 } as const;
/** Samples that are measured, after some that pay for the start. */
const SAMPLES = 30;
const WARM_SAMPLES = 5;
const INTERVAL_MS = 2_000;
const MIB = 1_024;
const SENSES_MAIN = fileURLToPath(new URL('./agent/senses-main.js', import.meta.url));
const BUNDLE_SCRIPT = fileURLToPath(new URL('../../build-agent.mjs', import.meta.url));

/**
 * The bundle as it ships, with the flags it ships with, against a real hub; an idle Node; and node-exporter, scraped as
 * often as the agent samples. All in the same minute, so that what else the machine does weighs on all alike.
 */
export async function agentBench(emit: Emit): Promise<boolean> {
  const row = (metric: string, value: number, unit: string, more: { baseline?: string; ratio?: number } = {}) =>
    emit({ bench: 'agent', metric, value, unit, ...more });
  const good = [sensesAsShipped(row)];
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const site = new Site();
  const started: ChildProcess[] = [];
  try {
    const bundle = join(site.dir, 'sentinel-agent.cjs');
    if (spawnSync(process.execPath, [BUNDLE_SCRIPT, '--out', bundle], { stdio: 'inherit' }).status !== 0) return false;
    const exporter = await Exporter.start(say);
    if (exporter !== null) started.push(exporter.process);
    const idle = spawn(process.execPath, ['-e', 'setInterval(() => {}, 2 ** 30)'], { stdio: 'ignore' });
    started.push(idle);
    await site.startHub();
    const flags = ['--state', site.state.root, '--interval', String(INTERVAL_MS / 1_000), '--broker'];
    const agent = spawn(process.execPath, [...AGENT_NODE_FLAGS, bundle, 'agent', ...flags, site.broker], {
      stdio: 'ignore',
    });
    started.push(agent);
    await sleep(WARM_SAMPLES * INTERVAL_MS);
    const watched = { agent, idle, exporter: exporter?.process };
    const before = costs(watched);
    for (let i = 0; i < SAMPLES; i++) {
      await exporter?.scrape();
      await sleep(INTERVAL_MS);
    }
    const after = costs(watched);
    const rss = (after.agent.rssKib - after.idle.rssKib) / MIB;
    const cpu = perSample(before.agent, after.agent);
    const subprocesses = after.agent.children;
    row('rss_mib', after.agent.rssKib / MIB, 'MiB');
    row('idle_node_rss_mib', after.idle.rssKib / MIB, 'MiB');
    row('rss_over_idle_mib', rss, 'MiB', { baseline: 'idle node', ratio: after.agent.rssKib / after.idle.rssKib });
    row('cpu_ms_per_sample', cpu, 'ms');
    row('subprocesses', subprocesses, 'processes');
    if (after.agent.journalRssKib > 0) row('journal_follower_rss_mib', after.agent.journalRssKib / MIB, 'MiB');
    good.push(rss <= AIM.rssOverIdleMib, subprocesses <= AIM.subprocesses);
    if (before.exporter === null || after.exporter === null) return false;
    const theirs = perSample(before.exporter, after.exporter);
    row('node_exporter_rss_mib', after.exporter.rssKib / MIB, 'MiB');
    row('node_exporter_cpu_ms_per_scrape', theirs, 'ms');
    row('cpu_ratio_vs_node_exporter', cpu / theirs, 'x', { baseline: 'prometheus-node-exporter', ratio: cpu / theirs });
    return good.every(Boolean) && cpu / theirs <= AIM.cpuRatio;
  } finally {
    for (const child of started) child.kill('SIGKILL');
    await site.close();
  }
}

/** The costs of senses and detection under the flags that ship: a compiler would make them three times cheaper. */
function sensesAsShipped(row: (metric: string, value: number, unit: string) => void): boolean {
  const { status, stdout } = spawnSync(process.execPath, [...AGENT_NODE_FLAGS, SENSES_MAIN], { encoding: 'utf8' });
  for (const line of stdout.split('\n').filter((text) => text !== '')) {
    const { metric, value, unit } = JSON.parse(line) as { metric: string; value: number; unit: string };
    row(metric, value, unit);
  }
  return status === 0;
}

function costs(of: {
  readonly agent: ChildProcess;
  readonly idle: ChildProcess;
  readonly exporter: ChildProcess | undefined;
}): { readonly agent: ProcessCost; readonly idle: ProcessCost; readonly exporter: ProcessCost | null } {
  const { agent, idle, exporter } = of;
  const cost = ({ pid }: ChildProcess): ProcessCost => readCost(pid ?? 0);
  return { agent: cost(agent), idle: cost(idle), exporter: exporter === undefined ? null : cost(exporter) };
}

/** Milliseconds of processor time for each sample. */
const perSample = (before: ProcessCost, after: ProcessCost): number => (after.cpuNs - before.cpuNs) / 1e6 / SAMPLES;
