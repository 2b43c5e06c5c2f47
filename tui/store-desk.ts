import { statSync } from 'node:fs';
import { readRoster, readSite } from '../broker/enroll.ts';
import type { RememberedRule } from '../broker/remembered.ts';
import { hubKeys } from '../broker/roster.ts';
import type { StateFolder } from '../broker/state-folder.ts';
import { startTime } from '../broker/state-folder.ts';
import { type Acting, askHub, localOperator } from '../hub/acts/client.ts';
import { signDecision } from '../hub/acts/decide.ts';
import { rememberIt, ruleFor } from '../hub/acts/remembering.ts';
import { auditHead, verifyAuditTail } from '../hub/chain/audit.ts';
import { lastChainCheck, START_RECORDS } from '../hub/chain/check.ts';
import type { Incident } from '../hub/incident.ts';
import { isHalted } from '../hub/site/halts.ts';
import { getIncident } from '../hub/store/incidents.ts';
import { type HubStatus, Store } from '../hub/store/store.ts';
import type { LaterWish, Rememberable } from './alone.ts';
import { decisionOn } from './consent.ts';
import type { ActResult, Desk, DeskState, Judged } from './desk.ts';
import { FleetIndex } from './fleet-index.ts';
import { HostPulses } from './host-pulses.ts';
import { IncidentIndex } from './incident-index.ts';
import { Presence } from './presence.ts';
import { StoreShelf } from './store-shelf.ts';

/** The store is looked at so often: the screen never redraws data faster (half a second reads as at once). */
const REFRESH_MS = 500;
/** Between two readings of what a large site has more of: keys are answered in between. */
const MORE_MS = 30;
/**
 * Opens the desk over a state folder, for who acts at it; a hub need not run. Throws StateError, StoreError or KeyFileError.
 */
export function openDesk(state: StateFolder, notice: string, operator: Acting = localOperator(state)): Desk {
  return new StoreDesk(state, notice, operator);
}

class StoreDesk implements Desk {
  private readonly folder: StateFolder;
  private readonly notice: string;
  private readonly store: Store;
  private readonly operator: Acting;
  private readonly listeners = new Set<() => void>();
  private readonly timer: NodeJS.Timeout;
  private readonly auditGood: boolean;
  private readonly index: IncidentIndex;
  private readonly shelf: StoreShelf;
  private readonly fleet: FleetIndex;
  private readonly pulses: HostPulses;
  private later: NodeJS.Timeout | undefined;
  private closed = false;
  private rosterStamp = 0;
  private asksTwo: DeskState['twoPerson'];
  private readonly presence: Presence;
  private current: DeskState;

  constructor(folder: StateFolder, notice: string, operator: Acting) {
    this.folder = folder;
    this.notice = notice;
    this.operator = operator;
    this.store = new Store(folder.store, 'read');
    const { roster } = readRoster(folder, readSite(folder));
    // Once, at the start, and its newest part: the hub walks the whole chain, and leaves what it found in the store.
    this.auditGood = verifyAuditTail(this.store, hubKeys(roster), START_RECORDS).ok;
    this.index = new IncidentIndex(this.store);
    this.fleet = new FleetIndex(this.store, Date.now());
    this.pulses = new HostPulses(this.store, this.fleet);
    this.shelf = new StoreShelf(folder, this.store, () => this.tell());
    this.presence = new Presence(folder, this.operator, {
      isDiagnosing: (id) => !this.closed && getIncident(this.store, id)?.state === 'diagnosing',
      changed: () => this.tell(),
    });
    this.readOn();
    this.current = this.read();
    this.timer = setInterval(() => this.refresh(), REFRESH_MS);
  }

  state(): DeskState {
    return this.current;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  incident(id: string): Incident | undefined {
    return getIncident(this.store, id);
  }

  async approve(id: string, planHash: string, reviewed: readonly number[]): Promise<ActResult> {
    return this.act(async () => {
      const incident = getIncident(this.store, id);
      if (incident === undefined || incident.plan_hash !== planHash) {
        throw Object.assign(new Error('the plan has changed since it was shown'), { code: 'E_ACT_PLAN_CHANGED' });
      }
      const from = { state: this.folder, store: this.store };
      const { act } = await signDecision(from, incident, this.operator, reviewed, Date.now());
      return askHub(this.folder, this.operator, act);
    });
  }

  rememberable(incident: Incident, { days, on }: LaterWish): Rememberable {
    const { plan } = incident;
    const steps = plan === null ? [] : plan.steps.filter((step) => decisionOn(plan, step) === 'review');
    const reviewed = steps.map(({ number }) => number);
    const from = { state: this.folder, store: this.store };
    try {
      return { rule: ruleFor(from, incident, this.operator, { reviewed, days, on }, Date.now()) };
    } catch (error) {
      return { why: error instanceof Error ? error.message : String(error) };
    }
  }

  async remember(rule: RememberedRule): Promise<ActResult> {
    return this.act(() => rememberIt(this.folder, this.operator, rule));
  }

  async forget(id: string): Promise<ActResult> {
    return this.act(() => askHub(this.folder, this.operator, { verb: 'forget', rule: id }));
  }

  async reject(id: string, note: string): Promise<ActResult> {
    return this.act(() => askHub(this.folder, this.operator, { verb: 'reject', incident: id, note }));
  }

  async halt(reason: string): Promise<ActResult> {
    return this.act(() => askHub(this.folder, this.operator, { verb: 'halt', note: reason }));
  }

  async acknowledge(id: string): Promise<ActResult> {
    return this.act(() => askHub(this.folder, this.operator, { verb: 'ack', incident: id }));
  }

  async probe(id: string, probe: string, name: string): Promise<ActResult> {
    return this.act(async () => {
      const answer = await askHub(this.folder, this.operator, { verb: 'probe', incident: id, probe, name });
      if (answer.ok === 'no' || answer.probe?.state === 'done') return answer;
      return {
        ...answer,
        ok: 'no',
        code: answer.probe?.code ?? 'E_PROBE',
        message: `the answer is ${answer.probe?.state ?? 'none'}`,
      };
    });
  }

  readonly look = (id: string | null) => this.presence.look(id);
  readonly pulse = (agent: string) => this.pulses.of(agent, Date.now());
  readonly host = (agent: string) => this.shelf.host(agent, this.current.incidents);
  readonly playbooks = () => this.shelf.playbooks();
  readonly records = (from: number, limit: number) => this.shelf.records(from, limit);
  readonly chain = () => this.shelf.chain();
  readonly automation = () => this.shelf.automation(this.current.incidents);
  readonly decision = (incident: Incident) => this.shelf.decision(incident);
  readonly verification = (incident: Incident) => this.shelf.verification(incident);
  readonly evaluation = () => this.shelf.evaluation();
  readonly doctor = () => this.shelf.doctor();
  readonly judge = (command: string, host: string | null): Judged => this.shelf.judge(command, host);

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.timer);
    clearTimeout(this.later);
    this.presence.close();
    this.shelf.close();
    this.listeners.clear();
    await this.store.close();
  }

  private async act(ask: () => ReturnType<typeof askHub>): Promise<ActResult> {
    try {
      const answer = await ask();
      this.refresh();
      if (answer.ok === 'yes') return { ok: true };
      return { ok: false, code: answer.code ?? 'E_HUB', message: answer.message ?? 'refused' };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'E_INTERNAL';
      return { ok: false, code, message: error instanceof Error ? error.message : String(error) };
    }
  }

  private refresh(): void {
    this.store.refresh();
    this.index.refresh();
    this.fleet.refresh(Date.now());
    this.pulses.refresh();
    // After more changes than it follows the index has begun anew.
    this.readOn();
    this.tell();
  }

  private tell(): void {
    // What was loading may be there only after the store is closed.
    if (this.closed) return;
    this.current = this.read();
    for (const listener of this.listeners) listener();
  }

  /** The older incidents and the rest of the hosts, a slice at a time. */
  private readOn(): void {
    if (!(this.index.isPartial || this.fleet.isPartial) || this.later !== undefined) return;
    this.later = setTimeout(() => {
      this.later = undefined;
      if (this.index.isPartial) this.index.more();
      if (this.fleet.isPartial) this.fleet.more(Date.now());
      this.readOn();
    }, MORE_MS);
  }

  private read(): DeskState {
    const status = this.store.meta.get('hub') as HubStatus | undefined;
    const up = status !== undefined && status.stopped === null && startTime(status.pid) !== -1;
    return {
      site: this.operator.site,
      hub: up ? 'up' : 'down',
      live: status?.live ?? false,
      reasoner: status?.reasoner ?? 'rules',
      operator: this.operator.name,
      role: this.operator.role,
      twoPerson: this.twoPerson(),
      ...(isHalted(this.store) ? { halted: true } : {}),
      others: up ? this.presence.others : [],
      thinking: up ? this.presence.thinking : [],
      auditRecords: auditHead(this.store).count,
      auditGood: this.auditGood && lastChainCheck(this.store)?.ok !== false,
      hosts: this.fleet.rows,
      incidents: this.index.rows,
      notice: this.notice,
    };
  }

  /** Read again when the roster's file has changed; while it can't be read, as it was. */
  private twoPerson(): DeskState['twoPerson'] {
    try {
      const stamp = statSync(this.folder.roster).mtimeMs;
      if (stamp !== this.rosterStamp) {
        this.asksTwo = readRoster(this.folder, readSite(this.folder)).roster.two_person;
        this.rosterStamp = stamp;
      }
    } catch {
      // It is being replaced: the next look finds it.
    }
    return this.asksTwo;
  }
}
