import { existsSync } from 'node:fs';
import { uptime } from 'node:os';
import type { StateFolder } from '../broker/state-folder.ts';
import { senserOf } from '../broker/subject.ts';
import { readAutomation, scopeOf } from '../hub/automation/read.ts';
import { auditHead, readAudit } from '../hub/chain/audit.ts';
import { lastChainCheck } from '../hub/chain/check.ts';
import type { Incident } from '../hub/incident.ts';
import { seriesOf } from '../hub/report/series.ts';
import { getIncident } from '../hub/store/incidents.ts';
import { newestSample, readSamples } from '../hub/store/samples.ts';
import type { HubStatus, Store } from '../hub/store/store.ts';
import { loadPolicy, type Policy } from '../policy/policy.ts';
import type {
  AuditRow,
  Automation,
  ChainStatus,
  Gauge,
  HostDetail,
  IncidentRow,
  Judged,
  Playbooks,
  Verification,
} from './desk.ts';
import { folderStamp } from './folder-stamp.ts';
import { Checkups } from './read-doctor.ts';
import { LastEvaluation } from './read-evaluation.ts';
import { readPlaybooks } from './read-playbooks.ts';
import { verificationOf } from './read-verification.ts';

/** Points of a sparkline. */
const HISTORY = 120;
/** Of the newest incidents so many are looked at for how their plans were sent. */
const ROUTES = 50;
/** Of one value of a record; a signed approval is some kB of base64. */
const VALUE = 4_000;
/** Lines of one record: who can write the file can nest a million. */
const VALUES = 256;

/** The last time that a date can be (ECMA-262, time values). */
const LAST_TIME_MS = 8.64e15;

/** The site's rules and playbooks are looked at again so often while a view shows them. */
const LOOK_MS = 2_000;

type Rules = { readonly state: 'loading' } | { readonly state: 'failed'; readonly why: string } | Policy;

/** How the plan of an incident was sent, as of its last change. */
interface Route {
  readonly updated: number;
  readonly route: Automation['routes'][number] | null;
}

/** What only some views show, read from the store and the state folder when they do. */
export class StoreShelf {
  readonly #folder: StateFolder;
  readonly #store: Store;
  readonly #changed: () => void;
  #rules: Rules | null = null;
  #looked = Number.NEGATIVE_INFINITY;
  #ruleFiles = '';
  #playbookFiles = '';
  #playbooks: Playbooks | null = null;
  #decided: { readonly id: string; readonly taken: number; readonly gauge: Gauge | null } | null = null;
  #routes: ReadonlyMap<string, Route> = new Map();
  #verified: {
    readonly id: string;
    readonly updated: number;
    readonly newest: number;
    readonly watched: Verification | null;
  } | null = null;
  readonly #evaluation: LastEvaluation;
  readonly #checkups: Checkups;
  #host: { readonly newest: number; readonly incidents: readonly IncidentRow[]; readonly detail: HostDetail } | null =
    null;

  /** `changed` is called when something that was loading is there. */
  constructor(folder: StateFolder, store: Store, changed: () => void) {
    this.#folder = folder;
    this.#store = store;
    this.#changed = changed;
    this.#evaluation = new LastEvaluation(folder.root);
    this.#checkups = new Checkups(folder.root, changed);
  }

  /** Read again when there is another sample or another incident: a key must not cost 120 samples. */
  host(agent: string, incidents: readonly IncidentRow[]): HostDetail | undefined {
    const newest = newestSample(this.#store, agent)?.at ?? 0;
    const known = this.#host;
    if (known?.detail.agent === agent && known.newest === newest && known.incidents === incidents) return known.detail;
    const detail = this.#detail(agent, incidents);
    this.#host = detail === undefined ? null : { newest, incidents, detail };
    return detail;
  }

  #detail(agent: string, incidents: readonly IncidentRow[]): HostDetail | undefined {
    const birth = this.#store.births.get(agent);
    if (birth === undefined) return undefined;
    const { host, version, inventory, metrics } = birth;
    const samples = readSamples(this.#store, agent, { limit: HISTORY }).toReversed();
    const gauges = metrics.map(({ name, unit }): Gauge => {
      const history = samples.map(({ values }) => values[name] ?? null);
      return { metric: name, unit, value: history.at(-1) ?? null, history };
    });
    return {
      agent,
      about: `${host.os} ${host.arch}, kernel ${host.kernel}, ${host.cores} cores, agent ${version}`,
      tags: host.tags,
      gauges,
      units: inventory.units,
      containers: inventory.containers.length,
      mounts: inventory.mounts,
      devices: birth.devices ?? [],
      last: this.#lastTrouble(agent, incidents),
    };
  }

  playbooks(): Playbooks {
    const policy = this.#policy();
    if (!('hash' in policy)) {
      return { state: policy.state, rows: [], errors: policy.state === 'failed' ? [policy.why] : [] };
    }
    this.#playbooks ??= readPlaybooks(this.#folder, this.#store, policy);
    return this.#playbooks;
  }

  records(from: number, limit: number): readonly AuditRow[] {
    const range = this.#store.audit.getRange({ start: from, reverse: true, limit: Math.max(1, limit) });
    return [...range].map(({ key, value }) => {
      try {
        const { ts, kind, incident, actor, data } = shown(readAudit(value));
        return { n: key, ts, kind, incident, actor, hash: value.hash, data: flat(data).slice(0, VALUES) };
      } catch {
        // Whoever can write the file can write anything there: it is shown as what it is.
        return { n: key, ts: 0, kind: 'unreadable', incident: null, actor: '', hash: '', data: [] };
      }
    });
  }

  chain(): ChainStatus {
    const check = lastChainCheck(this.#store);
    const why = check?.why === undefined ? '' : `record ${check.record}: ${check.why}`;
    return {
      head: auditHead(this.#store).hash,
      walked: check === undefined ? null : { at: check.at, ok: check.ok, why },
    };
  }

  automation(incidents: readonly IncidentRow[]): Automation {
    const status = this.#store.meta.get('hub') as HubStatus | undefined;
    const { rule } = status ?? {};
    return {
      rule:
        rule === undefined
          ? null
          : {
              id: rule.id,
              by: rule.by,
              confidence: rule.confidence,
              until: rule.not_after,
              perHostHour: rule.per_host_hour,
              scope: scopeOf(rule),
            },
      ...readAutomation(this.#store, uptime() * 1_000),
      routes: this.#newestRoutes(incidents.slice(0, ROUTES)),
    };
  }

  decision(incident: Incident): Gauge | null {
    const taken = incident.evidence?.taken ?? incident.opened;
    if (this.#decided?.id !== incident.id || this.#decided.taken !== taken) {
      const series = seriesOf(this.#store, incident, taken);
      const points = (series?.points ?? []).filter(({ at }) => at <= taken).slice(-HISTORY);
      const history = points.map(({ value }) => value);
      const gauge = { metric: series?.metric ?? '', unit: series?.unit ?? '', value: history.at(-1) ?? null, history };
      this.#decided = { id: incident.id, taken, gauge: history.length === 0 ? null : gauge };
    }
    return this.#decided.gauge;
  }

  verification(incident: Incident): Verification | null {
    const newest = newestSample(this.#store, senserOf(incident.host) ?? incident.host)?.at ?? 0;
    const known = this.#verified;
    if (known?.id === incident.id && known.updated === incident.updated && known.newest === newest)
      return known.watched;
    const watched = verificationOf(this.#store, incident);
    this.#verified = { id: incident.id, updated: incident.updated, newest, watched };
    return watched;
  }

  readonly evaluation = () => this.#evaluation.read();
  readonly doctor = () => this.#checkups.read();

  close(): void {
    this.#checkups.close();
  }

  judge(command: string, host: string | null): Judged {
    const policy = this.#policy();
    if (!('hash' in policy)) return policy;
    const inventory = host === null ? null : (this.#store.births.get(host)?.inventory ?? null);
    const verdict = policy.check(command, inventory);
    const { alternative } = verdict;
    const other = alternative === undefined ? null : policy.check(alternative, inventory);
    return { state: 'judged', verdict, alternative: other };
  }

  /** Read when it is first asked for: it takes a moment, and most sessions never need it. Then as the files change. */
  #policy(): Rules {
    this.#look();
    if (this.#rules !== null) return this.#rules;
    this.#rules = { state: 'loading' };
    this.#load();
    return this.#rules;
  }

  /** What has changed is read again; the rules that are there stay until the new ones are. */
  #look(): void {
    const now = performance.now();
    if (now - this.#looked < LOOK_MS) return;
    this.#looked = now;
    const rules = folderStamp(this.#folder.policy);
    const playbooks = folderStamp(this.#folder.playbooks);
    const isFirst = this.#rules === null;
    if (!isFirst && playbooks !== this.#playbookFiles) this.#playbooks = null;
    if (!isFirst && rules !== this.#ruleFiles) this.#load();
    this.#ruleFiles = rules;
    this.#playbookFiles = playbooks;
  }

  #load(): void {
    const { policy: siteDir } = this.#folder;
    void loadPolicy(existsSync(siteDir) ? { siteDir } : {}).then(
      (policy) => {
        this.#rules = policy;
        // Each of their commands has its verdict.
        this.#playbooks = null;
        this.#changed();
      },
      (error: unknown) => {
        this.#rules = { state: 'failed', why: error instanceof Error ? error.message : String(error) };
        this.#changed();
      },
    );
  }

  #lastTrouble(agent: string, incidents: readonly IncidentRow[]): HostDetail['last'] {
    const row = incidents.find(({ host }) => host === agent);
    const incident = row === undefined ? undefined : getIncident(this.#store, row.id);
    const snapshot = incident?.event.snapshot;
    return incident === undefined || snapshot === undefined
      ? null
      : { incident: incident.id, at: incident.event.ts, snapshot };
  }

  #newestRoutes(incidents: readonly IncidentRow[]): Automation['routes'] {
    this.#routes = new Map(
      incidents.map((row) => {
        const known = this.#routes.get(row.id);
        return [row.id, known?.updated === row.updated ? known : { updated: row.updated, route: this.#route(row) }];
      }),
    );
    return [...this.#routes.values()].flatMap(({ route }) => route ?? []);
  }

  #route({ id, updated, host, title }: IncidentRow): Route['route'] {
    const { route: sent, timeline = [] } = getIncident(this.#store, id) ?? {};
    if (sent === undefined) return null;
    const at = timeline.findLast(({ state }) => state === 'proposed')?.ts ?? updated;
    return { incident: id, host, title, at, alone: sent.alone, why: sent.why };
  }
}

/** Throws for a record that reads as CBOR and says something else than records do. */
function shown(entry: ReturnType<typeof readAudit>): ReturnType<typeof readAudit> {
  const { ts, kind, incident, actor } = entry as Readonly<Record<keyof typeof entry, unknown>>;
  const isName = incident === null || typeof incident === 'string';
  const isTime = typeof ts === 'number' && Math.abs(ts) <= LAST_TIME_MS;
  if (!isTime || typeof kind !== 'string' || typeof actor !== 'string' || !isName)
    throw new TypeError('no audit record');
  return entry;
}

/** A record's data as lines of names and values; bytes by their length. */
function flat(data: unknown, name = '', depth = 0): readonly (readonly [string, string])[] {
  if (data instanceof Uint8Array) return [[name, `${data.length} bytes`]];
  if (typeof data === 'object' && data !== null && !Array.isArray(data) && depth < 3) {
    return Object.entries(data)
      .slice(0, 64)
      .flatMap(([key, value]) => flat(value, name === '' ? key : `${name}.${key}`, depth + 1));
  }
  const bytes = (_: string, value: unknown) => (value instanceof Uint8Array ? `${value.length} bytes` : value);
  const text = typeof data === 'string' ? data : (JSON.stringify(data, bytes) ?? String(data));
  return [[name, text.length > VALUE ? `${text.slice(0, VALUE)}…` : text]];
}
