import { LIMITS } from '../../broker/messages.ts';
import {
  type Answer,
  type Format,
  formatOf,
  REQUESTS,
  type Request,
  RequestError,
  readRequest,
  responseTopic,
  type Tx,
  writeAnswer,
} from '../../broker/requests.ts';
import { TokenBucket } from '../../broker/token-bucket.ts';
import type { Hub } from '../hub.ts';
import type { Driver } from '../pipeline.ts';
import { VERBS } from './request-verbs.ts';
import type { Tools } from './tools.ts';

/** What one client has left to ask with. */
interface Budget {
  readonly bucket: TokenBucket;
  inFlight: number;
}

/** Answers what tools ask over the mesh. Bounded per client; a bad request costs its own answer and nothing else. */
export class RequestServer {
  private readonly hub: Hub;
  private readonly driver: Driver;
  private readonly tools: Tools;
  private readonly budgets = new Map<string, Budget>();

  constructor(hub: Hub, driver: Driver, tools: Tools) {
    this.hub = hub;
    this.driver = driver;
    this.tools = tools;
  }

  /** Resolves when it was answered, or it was decided that it is not. Never rejects. */
  async receive({ client, verb, payload }: Request): Promise<void> {
    const { hub } = this;
    // On somebody else's broker others may be let in; only a site's own tools are answered.
    const tool = this.tools.get(client);
    if (tool === undefined) return;
    const started = hub.now();
    const format = formatOf(payload);
    const budget = this.budgetOf(client, started);
    const overdrawn = budget.inFlight >= REQUESTS.inFlight || !budget.bucket.take(started);
    budget.inFlight++;
    let tx: Tx | null = null;
    let answer: Answer;
    try {
      const request = readRequest(payload);
      tx = request.tx;
      if (overdrawn) throw new RequestError('E_REQUEST_RATE', `at most ${REQUESTS.perSecond} requests a second`);
      const act = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
      if (act === undefined) {
        throw new RequestError('E_REQUEST_VERB', `no verb ${verb}: there are ${Object.keys(VERBS).join(', ')}`);
      }
      const result = await act({ hub, driver: this.driver, tool, fields: request.fields });
      answer = { tx, status: 'ok', result };
    } catch (error) {
      answer = refusal(tx, error);
    } finally {
      budget.inFlight--;
    }
    if (hub.now() - started > REQUESTS.deadlineMs) return;
    await hub.mesh.publish(responseTopic(client, verb), bounded(answer, format)).catch(() => {
      // Who asked asks again; the broker is not there now.
    });
  }

  private budgetOf(client: string, now: number): Budget {
    const known = this.budgets.get(client);
    if (known !== undefined) return known;
    if (this.budgets.size >= REQUESTS.clients) this.budgets.clear();
    const budget = { bucket: new TokenBucket(REQUESTS.perSecond, REQUESTS.burst, now), inFlight: 0 };
    this.budgets.set(client, budget);
    return budget;
  }
}

function bounded(answer: Answer, format: Format): Uint8Array {
  const bytes = writeAnswer(answer, format);
  if (bytes.length <= LIMITS.payload) return bytes;
  const message = `the answer has ${bytes.length} bytes, and a message at most ${LIMITS.payload}: ask for less`;
  return writeAnswer({ tx: answer.tx, status: 'error', code: 'E_REQUEST_SIZE', message }, format);
}

function refusal(tx: Tx | null, error: unknown): Answer {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'E_INTERNAL';
  // What has no code is a bug: its words are for the log, not for who is outside.
  const message = error instanceof Error && 'code' in error ? error.message.slice(0, 1_000) : 'the hub failed';
  return { tx, status: 'error', code, message };
}
