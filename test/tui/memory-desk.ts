import type { RememberedRule } from '../../broker/remembered.ts';
import type { Incident } from '../../hub/incident.ts';
import type { LaterWish, Rememberable } from '../../tui/alone.ts';
import type {
  ActResult,
  AuditRow,
  Automation,
  ChainStatus,
  Checkup,
  Desk,
  DeskState,
  Evaluation,
  Gauge,
  HostDetail,
  HostPulse,
  Judged,
  Playbooks,
  Verification,
} from '../../tui/desk.ts';
import {
  AUTOMATION,
  CHECKUP,
  detailOf,
  EVALUATION,
  PLAYBOOKS,
  pulseOf,
  recordedRule,
  recordsOf,
} from './recorded-shelf.ts';

/** A desk that holds what it is given and remembers what was asked of it. */
export class MemoryDesk implements Desk {
  readonly acts: unknown[] = [];
  answer: ActResult = { ok: true };
  shelf: Playbooks = PLAYBOOKS;
  alone: Automation = AUTOMATION;
  rememberable: (incident: Incident, wish: LaterWish) => Rememberable = recordedRule;
  judged: (command: string, host: string | null) => Judged = () => ({ state: 'loading' });
  decided: Gauge | null = null;
  verified: Verification | null = null;
  evaluated: Evaluation | null = EVALUATION;
  examined: Checkup = CHECKUP;
  walked: ChainStatus['walked'] = null;
  #state: DeskState;
  readonly #incidents: Map<string, Incident>;
  readonly #listeners = new Set<() => void>();

  constructor(state: DeskState, incidents: readonly Incident[] = []) {
    this.#state = state;
    this.#incidents = new Map(incidents.map((incident) => [incident.id, incident]));
  }

  state(): DeskState {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  incident(id: string): Incident | undefined {
    return this.#incidents.get(id);
  }

  put(incident: Incident, state: Partial<DeskState> = {}): void {
    this.#incidents.set(incident.id, incident);
    this.set(state);
  }

  set(state: Partial<DeskState>): void {
    this.#state = { ...this.#state, ...state };
    for (const listener of this.#listeners) listener();
  }

  approve(id: string, planHash: string, reviewed: readonly number[]): Promise<ActResult> {
    this.acts.push({ act: 'approve', id, planHash, reviewed });
    return Promise.resolve(this.answer);
  }

  remember(rule: RememberedRule): Promise<ActResult> {
    this.acts.push({ act: 'remember', rule });
    return Promise.resolve(this.answer);
  }

  forget(id: string): Promise<ActResult> {
    this.acts.push({ act: 'forget', id });
    return Promise.resolve(this.answer);
  }

  reject(id: string, note: string): Promise<ActResult> {
    this.acts.push({ act: 'reject', id, note });
    return Promise.resolve(this.answer);
  }

  halt(reason: string): Promise<ActResult> {
    this.acts.push({ act: 'halt', reason });
    return Promise.resolve(this.answer);
  }

  acknowledge(id: string): Promise<ActResult> {
    this.acts.push({ act: 'acknowledge', id });
    return Promise.resolve(this.answer);
  }

  probe(id: string, probe: string, name: string): Promise<ActResult> {
    this.acts.push({ act: 'probe', id, probe, name });
    return Promise.resolve(this.answer);
  }

  look(): void {}

  pulse(agent: string): HostPulse | undefined {
    const row = this.#state.hosts.find((one) => one.agent === agent);
    return row && pulseOf(row);
  }

  host(agent: string): HostDetail | undefined {
    const row = this.#state.hosts.find((one) => one.agent === agent);
    return row && detailOf(row);
  }

  playbooks(): Playbooks {
    return this.shelf;
  }

  records(from: number, limit: number): readonly AuditRow[] {
    return recordsOf(from, limit);
  }

  chain(): ChainStatus {
    return { head: 'd'.repeat(64), walked: this.walked };
  }

  automation(): Automation {
    return this.alone;
  }

  decision(): Gauge | null {
    return this.decided;
  }

  verification(): Verification | null {
    return this.verified;
  }

  evaluation(): Evaluation | null {
    return this.evaluated;
  }

  doctor(): Checkup {
    return this.examined;
  }

  judge(command: string, host: string | null): Judged {
    return this.judged(command, host);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
