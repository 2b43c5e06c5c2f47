import type { Incident } from '../../hub/incident.ts';
import type { ActResult, Desk, DeskState } from '../../tui/desk.ts';

/** A desk that holds what it is given and remembers what was asked of it. */
export class MemoryDesk implements Desk {
  readonly acts: unknown[] = [];
  answer: ActResult = { ok: true };
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

  reject(id: string, note: string): Promise<ActResult> {
    this.acts.push({ act: 'reject', id, note });
    return Promise.resolve(this.answer);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
