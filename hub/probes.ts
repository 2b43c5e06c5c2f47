import { createHash } from 'node:crypto';
import { decodeCbor, encodeCbor } from '../broker/cbor.ts';
import type { Said } from '../broker/messages.ts';
import { isProbe, PROBE_IDS, PROBES, type ProbeId } from '../broker/probe-catalogue.ts';
import {
  PROBE_LIMITS,
  type ProbeRequest,
  type ProbeResult,
  probeResult as resultShape,
} from '../broker/probe-messages.ts';
import { redactLines } from '../broker/redact.ts';
import { open, seal } from '../broker/signed.ts';
import { agentTopic } from '../broker/topics.ts';
import { ulid } from '../broker/ulid.ts';
import type { ProcessRef } from '../policy/verdict.ts';
import type { Hub } from './hub.ts';
import type { Incident } from './incident.ts';
import type { Driver } from './pipeline.ts';
import { commitIncident, getIncident } from './store/incidents.ts';

/** Answers that one incident keeps: with 16 kB each, what a person may still read through. */
const PER_INCIDENT = 16;
/** Questions to one host that wait for their answers, and within a minute: half of what its agent takes. */
const IN_FLIGHT = 3;
const PER_MINUTE = 20;
const MINUTE = 60_000;
/** What an answer's line may hold after it was redacted again. */
const MAX_LINE = 512;

/** One question and its answer, kept with the incident: what was known, for people, models and replay. */
export interface ProbeAnswer {
  readonly id: string;
  readonly probe: ProbeId;
  /** What it was about; empty for the host itself. */
  readonly name: string;
  /** Who asked: an operator, or a reasoner. */
  readonly by: string;
  readonly asked: number;
  readonly answered: number;
  readonly state: ProbeResult['state'] | 'silent';
  readonly code: string;
  readonly lines: readonly Said[];
  readonly truncated: boolean;
}

export class ProbeAskError extends Error {
  readonly code:
    | 'E_PROBE_UNKNOWN'
    | 'E_PROBE_NAME'
    | 'E_PROBE_OFFLINE'
    | 'E_PROBE_BUSY'
    | 'E_PROBE_MANY'
    | 'E_ACT_UNKNOWN';
  constructor(code: ProbeAskError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

interface Pending {
  readonly agent: string;
  readonly boot: string;
  readonly probe: ProbeId;
  readonly settle: (result: ProbeResult) => void;
}

/** Asks agents the read-only questions of the catalogue, and matches the answers that come back. */
export class Probes {
  readonly #waitMs: number;
  readonly #pending = new Map<string, Pending>();
  readonly #recent = new Map<string, number[]>();
  /** Questions to each host that were begun and have no answer yet. */
  readonly #open = new Map<string, number>();

  /** An agent that says nothing within `waitMs` is silent. */
  constructor(waitMs: number = PROBE_LIMITS.wait_ms) {
    this.#waitMs = waitMs;
  }

  /**
   * Asks one question about an incident's host and keeps the answer with the incident, with a record in the chain of what
   * was asked and of what came. `param` is a unit, mount, folder or host of the inventory, or a pid of the evidence.
   * Throws ProbeAskError when it can't be asked; an agent that does not answer in time is an answer too: `silent`.
   */
  async ask(
    hub: Hub,
    driver: Driver,
    question: { incident: string; probe: string; param: string; by: string },
  ): Promise<ProbeAnswer> {
    const { by, param } = question;
    const incident = getIncident(hub.store, question.incident);
    if (incident === undefined) throw new ProbeAskError('E_ACT_UNKNOWN', `no incident ${question.incident}`);
    const { probe } = question;
    if (!isProbe(probe))
      throw new ProbeAskError('E_PROBE_UNKNOWN', `no probe ${probe}. There are: ${PROBE_IDS.join(', ')}`);
    if ((incident.probes?.length ?? 0) >= PER_INCIDENT) {
      throw new ProbeAskError('E_PROBE_MANY', `this incident has its ${PER_INCIDENT} answers already`);
    }
    const subject = subjectOf(hub, incident, probe, param);
    const request = this.#request(hub, incident.host, probe, subject);
    try {
      return await this.#follow(hub, driver, incident, request, by);
    } finally {
      this.#open.set(request.agent, (this.#open.get(request.agent) ?? 1) - 1);
    }
  }

  async #follow(
    hub: Hub,
    driver: Driver,
    incident: Incident,
    request: ProbeRequest & { readonly probe: ProbeId },
    by: string,
  ): Promise<ProbeAnswer> {
    const { probe } = request;
    const name = request.process === undefined ? (request.name ?? '') : String(request.process.pid);
    const asked = { id: request.id, probe, name, by, asked: hub.now() };
    const entry = { kind: 'probe.asked', incident: incident.id, actor: by, data: { ...asked, host: incident.host } };
    await driver.change(incident.id, () => keep(hub, incident.id, (one) => one, entry));
    const result = await this.#send(hub, request, probe);
    const answer: ProbeAnswer = {
      ...asked,
      answered: hub.now(),
      state: result?.state ?? 'silent',
      code: result?.code ?? (result === null ? 'E_PROBE_SILENT' : ''),
      lines: result === null ? [] : redacted(result.lines),
      truncated: result?.truncated ?? false,
    };
    const digest = createHash('sha256').update(encodeCbor(answer.lines)).digest('hex');
    const data = { id: answer.id, probe, state: answer.state, code: answer.code, lines: digest };
    const answered = { kind: 'probe.answered', incident: incident.id, actor: incident.host, data };
    await driver.change(incident.id, () =>
      keep(
        hub,
        incident.id,
        (one) => ({ ...one, probes: [...(one.probes ?? []), answer].slice(-PER_INCIDENT) }),
        answered,
      ),
    );
    return answer;
  }

  /** An agent's answer: signed by its own key, for a question that was put to it. Others throw, and change nothing. */
  hear(hub: Hub, agent: string, payload: Uint8Array): void {
    const enrolled = hub.site.agents.get(agent);
    if (enrolled === undefined) return;
    const result = resultShape(decodeCbor(open('probe_result', payload, enrolled.key)), '');
    const waiting = this.#pending.get(result.id);
    if (waiting === undefined) return;
    if (
      result.agent !== agent ||
      waiting.agent !== agent ||
      waiting.boot !== result.boot ||
      waiting.probe !== result.probe
    ) {
      throw Object.assign(new Error('an answer to a question that was put to another'), { code: 'E_PROBE_AGENT' });
    }
    waiting.settle(result);
  }

  #request(hub: Hub, host: string, probe: ProbeId, subject: Subject): ProbeRequest & { readonly probe: ProbeId } {
    const boot = hub.store.births.get(host)?.boot;
    if (boot === undefined || hub.store.presence.get(host)?.state !== 'online') {
      throw new ProbeAskError('E_PROBE_OFFLINE', `${host} is not connected: ask again when it is back`);
    }
    const now = hub.now();
    const recent = (this.#recent.get(host) ?? []).filter((at) => now - at < MINUTE);
    const inFlight = this.#open.get(host) ?? 0;
    if (inFlight >= IN_FLIGHT || recent.length >= PER_MINUTE) {
      throw new ProbeAskError(
        'E_PROBE_BUSY',
        `${host} has ${inFlight} questions open and ${recent.length} this minute`,
      );
    }
    this.#recent.set(host, [...recent, now]);
    this.#open.set(host, inFlight + 1);
    return {
      id: ulid(now),
      site: hub.site.name,
      epoch: hub.roster.epoch,
      agent: host,
      boot,
      probe,
      ...subject,
      not_after: now + PROBE_LIMITS.valid_ms,
    };
  }

  /** Null when no answer came in time. */
  #send(hub: Hub, request: ProbeRequest, probe: ProbeId): Promise<ProbeResult | null> {
    const { id, agent, boot } = request;
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(late);
        this.#pending.delete(id);
      };
      const late = setTimeout(() => {
        end();
        resolve(null);
      }, this.#waitMs);
      this.#pending.set(id, {
        agent,
        boot,
        probe,
        settle: (result) => {
          end();
          resolve(result);
        },
      });
      hub.mesh.publish(agentTopic(agent, 'c'), seal('probe', encodeCbor(request), hub.key)).catch((error: unknown) => {
        end();
        reject(error instanceof Error ? error : new Error(String(error)));
      });
    });
  }
}

interface Subject {
  readonly name?: string;
  readonly process?: ProcessRef;
}

/** What `param` means on this host; throws where neither the inventory nor the evidence knows it (invariant 8). */
function subjectOf(hub: Hub, incident: Incident, probe: ProbeId, param: string): Subject {
  const { about } = PROBES[probe];
  const no = (why: string) => new ProbeAskError('E_PROBE_NAME', `${probe} ${why}`);
  if (about === 'nothing') {
    if (param !== '') throw no('is about the host as a whole, and takes no name');
    return {};
  }
  if (param === '') throw no(`needs a ${about}`);
  const inventory = hub.store.births.get(incident.host)?.inventory;
  if (about === 'process') {
    const seen = incident.evidence?.entities.flatMap(({ process }) => process ?? []) ?? [];
    const { top_cpu = [], top_mem = [], top_fds = [] } = incident.event.snapshot ?? {};
    const known = [
      ...seen,
      ...[...top_mem, ...top_cpu, ...top_fds].map(({ process }) => process),
      ...(inventory?.processes ?? []),
    ];
    const process = known.find(({ pid }) => String(pid) === param);
    if (process === undefined) throw no(`was asked about ${param}, which is no process of the evidence`);
    return { process };
  }
  const { units = [], hosts = [], mounts = [], folders = [] } = inventory ?? {};
  const known = { unit: units, host: hosts, folder: [...mounts, ...folders] }[about];
  if (!known.includes(param))
    throw no(`was asked about ${param}, which the inventory of ${incident.host} does not name`);
  return { name: param };
}

/** Inside the incident's turn: its next version with its record. */
async function keep(
  hub: Hub,
  id: string,
  next: (incident: Incident) => Incident,
  entry: Parameters<typeof commitIncident>[3],
): Promise<void> {
  const incident = getIncident(hub.store, id);
  if (incident === undefined) throw new ProbeAskError('E_ACT_UNKNOWN', `no incident ${id}`);
  await commitIncident(hub.store, hub.key, { ...next(incident), updated: hub.now() }, entry);
}

function redacted(lines: readonly Said[]): Said[] {
  const texts = redactLines(
    lines.map(({ text }) => text),
    MAX_LINE,
  );
  return lines.map(({ trusted }, i) => ({ text: texts[i] ?? '', trusted }));
}
