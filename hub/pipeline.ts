import { noteEnd } from './automation/breaker.ts';
import type { Hub } from './hub.ts';
import type { Incident } from './incident.ts';
import { approve } from './steps/approve.ts';
import { diagnose } from './steps/diagnose.ts';
import { execute } from './steps/execute.ts';
import { gather } from './steps/gather.ts';
import { handOn } from './steps/hand-on.ts';
import { learn } from './steps/learn.ts';
import { outOfReach } from './steps/out-of-reach.ts';
import { propose } from './steps/propose.ts';
import { route } from './steps/route.ts';
import { settle } from './steps/settle.ts';
import type { Outcome, Step } from './steps/step.ts';
import { verify } from './steps/verify.ts';
import { vet } from './steps/vet.ts';
import { commitIncident, getIncident, unfinished } from './store/incidents.ts';
import { Turns } from './turns.ts';

/**
 * An incident's way through the hub. Events become incidents in `observe` and `correlate` (see intake.ts); from there
 * on each incident is taken by the first of these steps that is ready for it, one committed transition at a time.
 */
export const pipeline: readonly Step[] = [
  settle,
  gather,
  diagnose,
  outOfReach,
  propose,
  vet,
  route,
  approve,
  execute,
  verify,
  learn,
  handOn,
];

/** No incident makes more transitions than this in one go: a loop between steps is a bug, and must not burn a host. */
const TRANSITIONS_MAX = 64;
/** What failed, a write to a full disk for instance, is tried again after this. */
const STUMBLE_MS = 5_000;

/** Drives incidents: one at a time each, woken by messages, acts and clocks; goes on where a killed hub stopped. */
export class Driver {
  private readonly hub: Hub;
  private readonly turns = new Turns();
  private readonly alarms = new Map<string, NodeJS.Timeout>();
  /** Incidents that a slow step is thinking about. */
  private readonly thinking = new Set<string>();
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
    this.hub.views?.incident(id);
    void this.turns.take(id, () => this.advance(id)).catch((error: unknown) => this.stumble(id, error));
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
      if (step.slow) {
        this.think(step, incident);
        return;
      }
      const goesOn = await this.settle(step, incident, await step.run(incident, this.hub));
      if (!goesOn) return;
    }
  }

  /** Runs a slow step beside everything else; its outcome counts only for the incident as the step saw it. */
  private think(step: Step, seen: Incident): void {
    const { id } = seen;
    if (this.thinking.has(id)) return;
    this.thinking.add(id);
    const thought = step.run(seen, this.hub).then((outcome) =>
      this.turns.take(id, async () => {
        const present = getIncident(this.hub.store, id);
        if (this.stopped || present === undefined || !isUnmoved(seen, present)) return;
        await this.settle(step, present, rebased(outcome, seen, present));
      }),
    );
    void thought
      .finally(() => this.thinking.delete(id))
      .then(
        () => this.wake(id),
        (error: unknown) => this.stumble(id, error),
      );
  }

  /** Commits one outcome; false when the incident has to wait. */
  private async settle(step: Step, incident: Incident, outcome: Outcome): Promise<boolean> {
    if (outcome.kind === 'wait') {
      if (outcome.until !== null) this.alarm(incident.id, outcome.until);
      return false;
    }
    const { store, key, automation } = this.hub;
    await commitIncident(store, key, outcome.incident, outcome.audit, () => {
      outcome.also?.();
      if (outcome.incident.state !== incident.state) noteEnd(store, outcome.incident, automation.uptime());
    });
    this.hub.views?.incident(incident.id);
    this.tell(step.name, incident, outcome.incident);
    await outcome.after?.();
    return true;
  }

  private stumble(id: string, error: unknown): void {
    if (this.stopped) return;
    this.hub.log.error('an incident could not go on', { incident: id, why: messageOf(error) });
    this.alarm(id, this.hub.now() + STUMBLE_MS);
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

/** Repeats may have been counted meanwhile; anything else makes the thought about another incident. */
function isUnmoved(seen: Incident, present: Incident): boolean {
  return seen.state === present.state && seen.diagnoses.length === present.diagnoses.length;
}

/**
 * The outcome of a thought, upon what has become of the incident while it was thought: a recovery, an acknowledgement, a
 * repeat and what else was said meanwhile stays. Of that the thought changes, and takes out, only what it itself did.
 */
function rebased(outcome: Outcome, seen: Incident, present: Incident): Outcome {
  if (outcome.kind === 'wait') return outcome;
  const before: Partial<Record<string, unknown>> = { ...seen };
  const thought = Object.fromEntries(Object.entries(outcome.incident).filter(([key, value]) => value !== before[key]));
  const timeline = [...present.timeline, ...outcome.incident.timeline.slice(seen.timeline.length)];
  const kept = Object.fromEntries(
    Object.entries(present).filter(([key]) => !(key in before) || key in outcome.incident),
  ) as unknown as Incident;
  const incident: Incident = { ...kept, ...thought, timeline };
  const isTakenOn = present.acknowledged !== seen.acknowledged && present.acknowledged !== undefined;
  return { ...outcome, incident: isTakenOn ? { ...incident, owner: present.owner } : incident };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
