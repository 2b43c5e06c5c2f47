import { isDeepStrictEqual } from 'node:util';
import type { Client, PublishPacket } from 'aedes';
import { sameSecret } from './enroll.ts';
import type { LoginTry } from './login.ts';
import { parseRequestTopic, REQUESTS, type Request } from './requests.ts';
import { type Tool, toolMayPublish, toolMaySubscribe } from './tools.ts';

/** A tool's connections at once: a dashboard, an archive, a person who looks. */
const CONNECTIONS_MAX = 8;
/** `NAME`, or `NAME/ANYTHING` for one of several connections: the identity stands before the slash. */
const SUFFIX = /^[A-Za-z0-9_-]{1,32}$/;

/**
 * Who may come in to listen. A client id is the tool's name, or begins with it and a slash, since a second connection
 * under the same id would end the first; the name alone is the identity.
 */
export class ToolDoor {
  private readonly tools: ReadonlyMap<string, Tool>;
  private readonly inside = new Map<Client, Tool>();

  constructor(tools: ReadonlyMap<string, Tool>) {
    this.tools = tools;
  }

  /**
   * Whether this client has shown what a tool has: over TLS the certificate that it holds now, else its secret. It is
   * let out when its connection ends.
   */
  letIn(client: Client, { username, password, certificate }: LoginTry): boolean {
    const [name = '', suffix, ...more] = client.id.split('/');
    const tool = this.tools.get(name);
    if (tool === undefined || more.length > 0) return false;
    if (suffix !== undefined && !SUFFIX.test(suffix)) return false;
    if (certificate === null) {
      if (username !== name || !sameSecret(password?.toString() ?? '', Buffer.from(tool.secret_sha256, 'hex')))
        return false;
    } else if ((username ?? name) !== name || certificate.name !== name || certificate.serial !== tool.serial)
      return false;
    const others = [...this.inside].filter(([one, { name: of }]) => of === name && one.id !== client.id);
    if (others.length >= CONNECTIONS_MAX) return false;
    this.inside.set(client, tool);
    client.conn.once('close', () => this.inside.delete(client));
    return true;
  }

  maySubscribe(client: Client, filter: string): boolean {
    const tool = this.inside.get(client);
    return tool !== undefined && toolMaySubscribe(tool, filter);
  }

  /** A tool is no agent, whatever its name: it has the rights of a tool alone. */
  isTool(client: Client): boolean {
    return this.inside.has(client);
  }

  /** The request that this message is; null when the tool may not say that, or it is too large. */
  requestOf(client: Client, { topic, payload, retain }: PublishPacket): Request | null {
    const tool = this.inside.get(client);
    const parsed = parseRequestTopic(topic);
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    if (tool === undefined || parsed === null || !toolMayPublish(tool.name, topic, retain)) return null;
    return bytes.length > REQUESTS.bytes ? null : { ...parsed, payload: new Uint8Array(bytes) };
  }

  /** Cuts off everyone whose tool is not there any more, or has another secret or other rights. */
  check(): void {
    for (const [client, tool] of this.inside) {
      if (!isDeepStrictEqual(this.tools.get(tool.name), tool)) client.close();
    }
  }
}
