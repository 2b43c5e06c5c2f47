import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Site } from '../test/e2e/site.ts';
import { aloneBench } from './alone.ts';
import { restartBench } from './restart.ts';
import { type Emit, percentile } from './row.ts';

/** Enough for a p95 that is not the single worst. */
const ROUNDS = 21;
/** The aims of the first release. */
const AIM = { detectToProposed: 300, approveToExecuted: 100 } as const;

/**
 * Real rounds with hub and agent as processes on this machine, `rules` alone: from the sample that fired to the
 * proposal, and from the approval at the hub to the end of the last command at the agent. Times are the incident's own.
 */
export async function pipelineBench(emit: Emit): Promise<boolean> {
  const site = new Site();
  const proposed: number[] = [];
  const executed: number[] = [];
  try {
    await site.startHub('--live');
    await site.startAgent('--live');
    for (let round = 1; round <= ROUNDS; round++) {
      process.stderr.write(`\rround ${round} of ${ROUNDS} `);
      site.fill();
      const { id } = await site.reaches('proposed');
      await site.sentinel('incident', 'approve', id, '--reviewed', 'all', '--yes');
      const done = await site.until(
        () => site.incidents().find((one) => one.id === id && one.state === 'resolved'),
        'resolved',
      );
      const at = (state: string) => done.timeline.find((moment) => moment.state === state)?.ts ?? Number.NaN;
      const applied = done.results.filter(({ step }) => step?.phase === 'pre' || step?.phase === 'step');
      proposed.push((done.timeline.findLast(({ state }) => state === 'proposed')?.ts ?? Number.NaN) - done.event.ts);
      executed.push(Math.max(...applied.map(({ ended }) => ended)) - at('approved'));
      if (existsSync(join(site.spool, 'full.tmp'))) rmSync(join(site.spool, 'full.tmp'));
      // The agent says that it recovered three samples later; before that the next fill would be a repeat.
      const recoveries = round;
      await site.until(() => site.log.split('recovery:').length - 1 >= recoveries, 'the recovery');
    }
  } finally {
    process.stderr.write('\n');
    await site.close();
  }
  const row = (metric: string, value: number) => emit({ bench: 'pipeline', metric, value, unit: 'ms' });
  const worst = { proposed: percentile(proposed, 0.95), executed: percentile(executed, 0.95) };
  row('detect_to_proposed_p50_ms', percentile(proposed, 0.5));
  row('detect_to_proposed_p95_ms', worst.proposed);
  row('approve_to_executed_p50_ms', percentile(executed, 0.5));
  row('approve_to_executed_p95_ms', worst.executed);
  const alone = await aloneBench(emit);
  const restarts = await restartBench(emit);
  return alone && restarts && worst.proposed < AIM.detectToProposed && worst.executed < AIM.approveToExecuted;
}
