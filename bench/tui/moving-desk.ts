import type { Incident } from '../../hub/incident.ts';
import type { ActResult, Desk, DeskState, Gauge, HostPulse, IncidentRow } from '../../tui/desk.ts';

const HOSTS = 12;
const INCIDENTS = 200;
const POINTS = 90;

const HALF_SECOND = 500;
const nothing: ActResult = { ok: false, code: 'E_BENCH', message: 'a bench signs nothing' };

/** A site of 12 hosts and 200 incidents whose every gauge moves at each tick: more than a real one changes. */
export class MovingDesk implements Desk {
  readonly #listeners = new Set<() => void>();
  readonly #incidents: readonly IncidentRow[];
  #tick = 0;
  #state: DeskState;
  #timer: NodeJS.Timeout | undefined;

  constructor(now: number) {
    this.#incidents = Array.from({ length: INCIDENTS }, (_, i) => rowOf(i, now));
    this.#state = this.#at();
  }

  /** Changes everything that moves, twice a second, from now on. */
  move(): void {
    this.#timer ??= setInterval(() => {
      this.#tick++;
      this.#state = this.#at();
      for (const listener of this.#listeners) listener();
    }, HALF_SECOND);
  }

  state(): DeskState {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  incident(id: string): Incident | undefined {
    const row = this.#incidents.find((one) => one.id === id);
    return row && incidentOf(row);
  }

  approve = () => Promise.resolve(nothing);
  remember = () => Promise.resolve(nothing);
  forget = () => Promise.resolve(nothing);
  rememberable = () => ({ why: 'a bench signs nothing' });
  reject = () => Promise.resolve(nothing);
  halt = () => Promise.resolve(nothing);
  acknowledge = () => Promise.resolve(nothing);
  probe = () => Promise.resolve(nothing);
  look = () => {};
  pulse = (agent: string): HostPulse => {
    const i = Number(agent.slice(-2));
    const gauge = (metric: string, unit: string, phase: number): Gauge => {
      const wave = (t: number) => 50 + 40 * Math.sin((t + phase) / 5);
      const history = Array.from({ length: POINTS }, (_, at) => wave(this.#tick + at));
      return { metric, unit, value: wave(this.#tick + POINTS), history };
    };
    return {
      gauges: [gauge('cpu.percent', '%', i), gauge('memory.used_percent', '%', 2 * i), gauge('load.1m', '', 3 * i)],
      link: {
        every: 2_000,
        late: 30 + (this.#tick % 7),
        stored: 9,
        gaps: 0,
        missing: 0,
        backlog: 0,
        waiting: 0,
        dropped: 0,
      },
    };
  };
  host = () => undefined;
  playbooks = () => ({ state: 'ready', rows: [], errors: [] }) as const;
  records = () => [];
  chain = () => ({ head: '', walked: null });
  automation = () => ({ rule: null, remembered: [], written: [], spent: [], breakers: [], routes: [] });
  decision = () => null;
  verification = () => null;
  evaluation = () => null;
  doctor = () => ({ at: null, failed: '', rows: [] });
  judge = () => ({ state: 'loading' }) as const;

  close(): Promise<void> {
    clearInterval(this.#timer);
    return Promise.resolve();
  }

  #at(): DeskState {
    return {
      site: 'bench',
      hub: 'up',
      live: true,
      reasoner: 'rules',
      operator: 'you',
      role: 'admin',
      others: [],
      thinking: [],
      auditRecords: 18_204 + this.#tick,
      auditGood: true,
      incidents: this.#incidents,
      notice: '',
      hosts: Array.from({ length: HOSTS }, (_, i) => ({
        agent: `edge-${String(i).padStart(2, '0')}`,
        state: 'online',
        lastSeen: Date.now(),
        live: true,
        privileged: false,
        tags: [`role=${i % 2 === 0 ? 'edge' : 'gateway'}`],
      })),
    };
  }
}

const rowOf = (i: number, now: number): IncidentRow => ({
  id: `01JD00000000000000${String(i).padStart(8, '0')}`,
  state: i < 20 ? 'proposed' : 'resolved',
  severity: i % 5 === 0 ? 'critical' : 'warning',
  host: `edge-${String(i % HOSTS).padStart(2, '0')}`,
  title: ['disk filling', 'memory leak', 'unit failing', 'log flood'][i % 4] ?? '',
  opened: now - i * 600_000,
  updated: now - i * 600_000,
  owner: 'nobody',
});

/** Whole enough for the pane beside the list: its metric moves with the host's. */
function incidentOf({ id, state, severity, host, title, opened, updated, owner }: IncidentRow): Incident {
  return {
    id,
    state,
    severity,
    host,
    title,
    opened,
    updated,
    owner,
    reason: '',
    fingerprint: id,
    last_seen: updated,
    repeats: 0,
    event: {
      agent: host,
      boot: '0123456789abcdef',
      seq: 1,
      ts: opened,
      kind: 'anomaly',
      signal: 'host.cpu',
      severity,
      metric: 'cpu.percent',
      baseline: { mean: 40, sd: 5 },
      reason: 'cpu.percent 94.8 %, usually 40 ± 5, for 3 samples in 6 s',
      fingerprint: id,
    },
    evidence: null,
    diagnoses: [],
    draft: null,
    plan: null,
    plan_hash: null,
    approval: null,
    orders: [],
    results: [],
    tried: [],
    learned: false,
    timeline: [],
  };
}
