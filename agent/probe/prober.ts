import { decodeCbor } from '../../broker/cbor.ts';
import type { Said } from '../../broker/messages.ts';
import { isProbe, PROBES, type ProbeSubject } from '../../broker/probe-catalogue.ts';
import {
  PROBE_LIMITS,
  type ProbeRequest,
  type ProbeResult,
  probeRequest as requestShape,
} from '../../broker/probe-messages.ts';
import { open, peek } from '../../broker/signed.ts';
import type { Inventory } from '../../policy/verdict.ts';
import { processRef, readProcessStat } from '../sense/process-stat.ts';
import type { Trust } from '../trust.ts';
import { ANSWERS } from './catalogue.ts';
import type { Asked, ProbeHost } from './probe.ts';

/** Questions that wait for their turn: a person asks one, a model a few. */
const WAITING_MAX = 4;
/** Questions within a minute: twice what a hub of ours asks. */
const PER_MINUTE = 40;
const MINUTE = 60_000;

/** Why a question is not answered at all, or is answered with a refusal. */
export class ProbeRefusal extends Error {
  readonly code:
    | 'E_PROBE_AGENT'
    | 'E_PROBE_SITE'
    | 'E_PROBE_EPOCH'
    | 'E_PROBE_BOOT'
    | 'E_PROBE_EXPIRED'
    | 'E_PROBE_REPLAYED'
    | 'E_PROBE_FLOOD'
    | 'E_PROBE_UNKNOWN'
    | 'E_PROBE_NAME';
  constructor(code: ProbeRefusal['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export interface ProberOptions {
  readonly agent: string;
  readonly boot: string;
  readonly trust: Trust;
  readonly host: Omit<ProbeHost, 'signal'>;
  readonly inventory: () => Inventory;
  readonly say: (result: ProbeResult) => void;
  /** Milliseconds for one answer; tests are less patient. */
  readonly deadline?: number;
}

/** Whether a message on the topic of orders is a question. Says nothing of who wrote it: `hear` checks that. */
export function isProbeMessage(message: Uint8Array): boolean {
  const payload = decodeCbor(peek(message));
  return typeof payload === 'object' && payload !== null && 'probe' in payload;
}

/**
 * Answers the hub's read-only questions, one at a time, within their deadline. Who asked is checked as for an order: the
 * roster's hub key, this agent, this boot, in time, and each question once. It reads only, so dry run answers too.
 */
export class Prober {
  readonly #options: ProberOptions;
  /** Questions that were heard, with when they lapse: a repeated one is refused until then, and by its age from then on. */
  readonly #heard = new Map<string, number>();
  #recent: number[] = [];
  #waiting = 0;
  #turn: Promise<void> = Promise.resolve();
  #stop = new AbortController();

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** Takes one message; throws ProbeRefusal, SignatureError or ShapeError when it is not a question that may be answered. */
  hear(message: Uint8Array): void {
    const asked = requestShape(decodeCbor(open('probe', message, this.#options.trust.roster.hub_key)), '');
    this.#check(asked);
    this.#waiting++;
    this.#turn = this.#turn.then(() => this.#answer(asked)).finally(() => this.#waiting--);
  }

  /** Ends the question that is being answered, and answers no other. Resolves when nothing of it is left. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#turn;
  }

  #check(asked: ProbeRequest): void {
    const { agent, boot, trust, host } = this.#options;
    const { roster } = trust;
    if (asked.agent !== agent) throw new ProbeRefusal('E_PROBE_AGENT', `the question is for ${asked.agent}`);
    if (asked.site !== roster.site) throw new ProbeRefusal('E_PROBE_SITE', `the question is for site ${asked.site}`);
    if (asked.epoch !== roster.epoch)
      throw new ProbeRefusal('E_PROBE_EPOCH', `the question is of epoch ${asked.epoch}`);
    if (asked.boot !== boot)
      throw new ProbeRefusal('E_PROBE_BOOT', 'the question is for an earlier start of this agent');
    const now = trust.now(host.now());
    // One that is good for longer could be replayed for longer than it is remembered.
    if (asked.not_after <= now || asked.not_after > now + 2 * PROBE_LIMITS.valid_ms) {
      throw new ProbeRefusal('E_PROBE_EXPIRED', 'the question has lapsed, or is good for too long');
    }
    for (const [id, lapses] of this.#heard) if (lapses <= now) this.#heard.delete(id);
    if (this.#heard.has(asked.id)) throw new ProbeRefusal('E_PROBE_REPLAYED', 'the question was asked before');
    this.#recent = this.#recent.filter((at) => now - at < MINUTE && at <= now);
    if (this.#waiting >= WAITING_MAX || this.#recent.length >= PER_MINUTE || this.#heard.size >= 4 * PER_MINUTE) {
      throw new ProbeRefusal('E_PROBE_FLOOD', 'too many questions at once');
    }
    this.#recent.push(now);
    this.#heard.set(asked.id, asked.not_after);
  }

  async #answer(asked: ProbeRequest): Promise<void> {
    const { agent, boot, host, say } = this.#options;
    if (this.#stop.signal.aborted) return;
    const started = host.now();
    const outcome = await this.#look(asked).catch((error: unknown) => refusalOf(error));
    if (this.#stop.signal.aborted) return;
    const { id, probe } = asked;
    say({ agent, boot, id, probe, ...outcome, started, ended: Math.max(started, host.now()) });
  }

  async #look(asked: ProbeRequest): Promise<Pick<ProbeResult, 'state' | 'lines' | 'truncated'>> {
    if (!isProbe(asked.probe)) throw new ProbeRefusal('E_PROBE_UNKNOWN', `this agent knows no probe ${asked.probe}`);
    const subject = this.#subject(PROBES[asked.probe].about, asked);
    const deadline = AbortSignal.timeout(this.#options.deadline ?? PROBE_LIMITS.answer_ms);
    const signal = AbortSignal.any([deadline, this.#stop.signal]);
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new DOMException('no answer in time', 'TimeoutError')), {
        once: true,
      });
    });
    const answer = async () => ANSWERS[asked.probe as keyof typeof ANSWERS](subject, { ...this.#options.host, signal });
    return { state: 'done', ...bounded(await Promise.race([answer(), late])) };
  }

  /** What it is about, if this host has it: nothing that was only written into the question is looked at (invariant 8). */
  #subject(about: ProbeSubject, { name = '', process }: ProbeRequest): Asked {
    if (about === 'nothing') return { name: '', pid: 0 };
    if (about === 'process') {
      const { proc } = this.#options.host.sensor;
      const stat = process === undefined ? null : readProcessStat(proc, process.pid);
      const here = stat === null ? null : processRef(proc, stat);
      if (process === undefined || here === null || here.start !== process.start || here.comm !== process.comm) {
        throw new ProbeRefusal('E_PROBE_NAME', 'this process has ended, or its number is another’s now');
      }
      return { name: here.comm, pid: here.pid };
    }
    const { units, hosts, mounts, folders } = this.#options.inventory();
    const known = { unit: units, host: hosts, folder: [...mounts, ...folders] }[about];
    if (!known.includes(name)) throw new ProbeRefusal('E_PROBE_NAME', `this host knows no ${about} of that name`);
    return { name, pid: 0 };
  }
}

function refusalOf(error: unknown): Pick<ProbeResult, 'state' | 'code' | 'lines' | 'truncated'> {
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'E_PROBE_FAILED';
  if (error instanceof DOMException) return { state: 'timeout', code: 'E_PROBE_TIMEOUT', lines: [], truncated: false };
  const message = error instanceof Error ? error.message : String(error);
  const state = error instanceof ProbeRefusal ? 'refused' : 'failed';
  return { state, code: code.slice(0, 64), ...bounded([{ text: message.slice(0, 240), trusted: false }]) };
}

/** What fits an answer. */
function bounded(lines: readonly Said[]): { readonly lines: readonly Said[]; readonly truncated: boolean } {
  const kept: Said[] = [];
  let bytes = 0;
  for (const line of lines.slice(0, PROBE_LIMITS.lines)) {
    bytes += Buffer.byteLength(line.text);
    if (bytes > PROBE_LIMITS.bytes) break;
    kept.push(line);
  }
  return { lines: kept, truncated: kept.length < lines.length };
}
