import { type Event, LIMITS, type Result, type Said, type Snapshot, type TopProcess } from '../../broker/messages.ts';
import { redact, redactOutput } from '../../broker/redact.ts';

/**
 * The agent has redacted what it sends (invariant 12). The hub does it again before anything is kept, shown or given to a
 * model: an older agent knows fewer secrets, and one that was taken over hides none.
 */
export function redactEvent(event: Event): Event {
  const { snapshot } = event;
  const reason = redact(event.reason, LIMITS.line);
  return snapshot === undefined ? { ...event, reason } : { ...event, reason, snapshot: redactSnapshot(snapshot) };
}

/** What a command wrote, line by line. */
export function redactResult(result: Result): Result {
  return {
    ...result,
    stdout: redactOutput(result.stdout, LIMITS.output),
    stderr: redactOutput(result.stderr, LIMITS.output),
  };
}

/** Text with its mark of trust kept. */
export const redactSaid = ({ text, trusted }: Said): Said => ({ text: redact(text, LIMITS.line), trusted });

function redactSnapshot(snapshot: Snapshot): Snapshot {
  const processes = (all: readonly TopProcess[]) => all.map((one) => ({ ...one, cmd: redactSaid(one.cmd) }));
  return {
    ...snapshot,
    top_cpu: processes(snapshot.top_cpu),
    top_mem: processes(snapshot.top_mem),
    top_fds: processes(snapshot.top_fds),
    unit_lines: snapshot.unit_lines.map(redactSaid),
    log_templates: snapshot.log_templates.map((one) => ({ ...one, template: redactSaid(one.template) })),
    changes: snapshot.changes.map((one) => ({ ...one, what: redactSaid(one.what) })),
    facts: Object.fromEntries(Object.entries(snapshot.facts).map(([name, fact]) => [name, redactSaid(fact)])),
  };
}
