import { setTimeout as sleep } from 'node:timers/promises';
import type { StateFolder } from '../../../broker/state-folder.ts';
import { auditHead } from '../../../hub/chain/audit.ts';
import { verifyCommand } from '../../../hub/commands/audit-verify.ts';
import { heardOf } from '../../../hub/mesh/heard.ts';
import { countIncidents, prunedIncidents } from '../../../hub/store/retention.ts';
import { disagreements } from '../store-agrees.ts';
import type { SimAgent } from './sim-agent.ts';
import type { SimHub } from './sim-hub.ts';

/** For the hub's last words to have come: it tells what is stored ten times a second. */
const LAST_WORDS_MS = 1_000;

/** Holds what the agents said and were told against what the hub has, ends the hub, and lets `audit verify` walk its chain. */
export async function faultsAtEnd({
  hub,
  state,
  agents,
  ends,
  trust,
}: {
  readonly hub: SimHub;
  readonly state: StateFolder;
  readonly agents: readonly SimAgent[];
  readonly ends: number;
  /** What one agent has seen of the chain. */
  readonly trust: string;
}) {
  const wrong: string[] = [];
  await sleep(LAST_WORDS_MS);
  const { store } = hub.hub;
  for (const { name, starts, membership } of agents) {
    for (const { boot, messages, messagesAcknowledged, frames, framesAcknowledged } of starts) {
      const heard = heardOf(store, name, boot);
      const whole = messages === 0 ? heard.length === 0 : heard.length === 1 && (heard[0]?.[1] ?? 0) === messages;
      if (!whole) wrong.push(`${name}: of ${messages} messages of ${boot} the hub has ${JSON.stringify(heard)}`);
      if (messagesAcknowledged > messages || framesAcknowledged > frames)
        wrong.push(`${name}: more was acknowledged of ${boot} than was said`);
    }
    if (membership.renewals === 0 || membership.notAfter <= ends)
      wrong.push(`${name}: its certificate was not renewed`);
  }
  wrong.push(...disagreements(store));
  const counts = {
    messages: agents.flatMap(({ starts }) => starts).reduce((sum, { messages }) => sum + messages, 0),
    incidents: countIncidents(store) + prunedIncidents(store),
    pruned: prunedIncidents(store),
    agent_starts: agents.reduce((sum, { starts }) => sum + starts.length, 0),
    renewals: agents.reduce((sum, { membership }) => sum + membership.renewals, 0),
    anomalies: agents.reduce((sum, { said }) => sum + said.anomalies, 0),
    unfounded: agents.reduce((sum, { said }) => sum + said.unfounded, 0),
    audit_records: auditHead(store).count,
  };
  await hub.close();
  const lines: string[] = [];
  const io = { stdout: (line: string) => lines.push(line), stderr: (line: string) => lines.push(line) };
  const code = await verifyCommand(
    ['--state', state.root, '--checkpoint', trust],
    io as unknown as Parameters<typeof verifyCommand>[1],
  );
  if (code !== 0) wrong.push(`audit verify: ${lines.join(' ')}`);
  return { ...counts, wrong };
}
