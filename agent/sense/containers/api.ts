import { type IncomingMessage, request } from 'node:http';
import { bool, int, list, maybe, nullable, record, type Shape, text } from '../../../broker/shape.ts';

/** Containers that are followed; more are counted. */
export const MAX_CONTAINERS = 256;
const MAX_BODY = 4 * 1_048_576;
/** The oldest version that docker 25 and podman 3 both speak. */
const VERSION = 'v1.40';

interface Listed {
  readonly Id: string;
  readonly Names?: readonly string[] | null;
  readonly State: string;
  readonly Status?: string;
}

const listed: Shape<readonly Listed[]> = list(
  record({
    Id: text(128),
    Names: maybe(nullable(list(text(512), 16))),
    State: text(32),
    Status: maybe(text(256)),
  }),
  MAX_CONTAINERS,
);

const inspected = record({
  RestartCount: maybe(int()),
  State: record({ OOMKilled: maybe(bool), Restarting: maybe(bool) }),
});

export interface Container {
  readonly id: string;
  readonly name: string;
  /** `running`, `restarting`, `exited`, ... */
  readonly state: string;
  readonly unhealthy: boolean;
}

/** Asks a docker or podman over its unix socket; only ever with GET, so nothing is changed. */
async function get(socketPath: string, path: string, signal: AbortSignal): Promise<unknown> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    // An agent of its own: no connection is kept open.
    const options = { socketPath, path: `/${VERSION}${path}`, method: 'GET', signal, agent: false } as const;
    const asked = request({ ...options, headers: { host: 'localhost' } }, resolve);
    asked.once('error', reject);
    asked.end();
  });
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`${socketPath} answers ${response.statusCode}`);
  }
  const parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new Error(`${socketPath} answers with over ${MAX_BODY} bytes`);
    parts.push(chunk);
  }
  return JSON.parse(Buffer.concat(parts).toString('utf8'));
}

/** All containers, whatever their state. Rejects with what went wrong. */
export async function listContainers(socket: string, signal: AbortSignal): Promise<Container[]> {
  const answer = await get(socket, `/containers/json?all=1&limit=${MAX_CONTAINERS}`, signal);
  return listed(Array.isArray(answer) ? answer.slice(0, MAX_CONTAINERS) : answer, '').map((one) => ({
    id: one.Id,
    name: (one.Names?.[0] ?? one.Id.slice(0, 12)).replace(/^\//, ''),
    state: one.State.toLowerCase(),
    unhealthy: /\(unhealthy\)/.test(one.Status ?? ''),
  }));
}

/** How often a container was restarted by its own policy. */
export async function restartsOf(socket: string, id: string, signal: AbortSignal): Promise<number> {
  if (!/^[0-9a-f]{12,128}$/.test(id)) throw new Error('no id of a container');
  return inspected(await get(socket, `/containers/${id}/json`, signal), '').RestartCount ?? 0;
}
