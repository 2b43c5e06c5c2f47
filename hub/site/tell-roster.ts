import type { Log } from '../../broker/log.ts';
import type { Mesh } from '../../broker/mesh.ts';
import { hubTopic } from '../../broker/topics.ts';

/** A broker that is away comes back within seconds, and agents go on under the roster before until they hear. */
const AGAIN_MS = 5_000;

/** Tells all agents of the roster in force, as the site root signed it, and tells them again until the mesh has taken it. */
export class RosterTeller {
  readonly #mesh: Pick<Mesh, 'publish'>;
  readonly #log: Log;
  readonly #againMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(mesh: Pick<Mesh, 'publish'>, log: Log, againMs = AGAIN_MS) {
    this.#mesh = mesh;
    this.#log = log;
    this.#againMs = againMs;
  }

  /** Never rejects: the roster is in force at the hub, whoever has heard. A later one takes the place of this. */
  async tell(message: Uint8Array): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      await this.#mesh.publish(hubTopic('site'), message, { retain: true });
    } catch (error) {
      this.#log.error('the agents were not told of the new roster yet', { why: String(error) });
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.tell(message), this.#againMs);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
