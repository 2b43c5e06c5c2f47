import type { Hub } from './hub.ts';
import type { Incident } from './incident.ts';
import { approve } from './steps/approve.ts';
import { diagnose } from './steps/diagnose.ts';
import { execute } from './steps/execute.ts';
import { gather } from './steps/gather.ts';
import { learn } from './steps/learn.ts';
import { propose } from './steps/propose.ts';
import type { Step } from './steps/step.ts';
import { verify } from './steps/verify.ts';
import { vet } from './steps/vet.ts';
import { commitIncident, getIncident, unfinished } from './store/incidents.ts';
import { Turns } from './turns.ts';

/**
 * An incident's way through the hub. Events become incidents in `observe` and `correlate` (see intake.ts); from there
 * on each incident is taken by the first of these steps that is ready for it, one committed transition at a time.
 */
export const pipeline: readonly Step[] = [gather, diagnose, propose, vet, approve, execute, verify, learn];

/** No incident makes more transitions than this in one go: a loop between steps is a bug, and must not burn a host. */
const TRANSITIONS_MAX = 64;

/** Drives incidents: one at a time each, woken by messages, acts and clocks; goes on where a killed hub stopped. */
export class Driver {
  private readonly hub: Hub;
  private readonly turns = new Turns();
  private readonly alarms = new Map<string, NodeJS.Timeout>();
  private stopped = false;

  constructor(hub: Hub) {
    this.hub = hub;
  }

  /** Takes up every incident that is not closed, in the state in which the store has it. */
  resume(): number {
    const ids = unfinished(this.hub.store);
    for (const id of ids) this.wake(id);
    return ids.length;
  }

  /** Lets the incident go as far as it can now. Never throws: what fails is logged, and tried again when woken. */
  wake(id: string): void {
    void this.turns
      .take(id, () => this.advance(id))
      .catch((error: unknown) => {
        this.hub.log.error('an incident could not go on', { incident: id, why: messageOf(error) });
        this.alarm(id, this.hub.now() + 5_000);
      });
  }

  /** Runs `act` with nobody else touching this incident, then lets the incident go on. */
  async change<T>(id: string, act: () => Promise<T>): Promise<T> {
    const result = await this.turns.take(id, act);
    this.wake(id);
    return result;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const alarm of this.alarms.values()) clearTimeout(alarm);
    this.alarms.clear();
    await this.turns.idle();
  }

  private async advance(id: string): Promise<void> {
    for (let n = 0; n < TRANSITIONS_MAX && !this.stopped; n++) {
      const incident = getIncident(this.hub.store, id);
      const step = incident && pipeline.find((one) => one.ready(incident));
      if (incident === undefined || step === undefined) return;
      const outcome = await step.run(incident, this.hub);
      if (outcome.kind === 'wait') {
        if (outcome.until !== null) this.alarm(id, outcome.until);
        return;
      }
      await commitIncident(this.hub.store, this.hub.key, outcome.incident, outcome.audit, outcome.also);
      this.tell(step.name, incident, outcome.incident);
      await outcome.after?.();
    }
  }

  private tell(step: string, before: Incident, after: Incident): void {
    if (before.state === after.state) return;
    const { id, host, state, reason, title } = after;
    this.hub.log.info(`${state}  ${title}`, { incident: id, host, step, reason: reason || undefined });
  }

  private alarm(id: string, at: number): void {
    clearTimeout(this.alarms.get(id));
    if (this.stopped) return;
    const timer = setTimeout(
      () => {
        this.alarms.delete(id);
        this.wake(id);
      },
      Math.max(50, at - this.hub.now()),
    );
    this.alarms.set(id, timer);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
