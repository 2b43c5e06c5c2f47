import type { PublishPacket } from 'aedes';

type Reader = (packet: PublishPacket, done: () => void) => void;
type Done = (error?: Error | null) => void;

/**
 * Who reads which topic: what Aedes needs of an emitter, and no more. Its own one (mqemitter) stalls every topic behind
 * one reader that is frozen, and ends the process by recursion when that reader leaves with a long queue. This one
 * waits for nobody: a reader that does not keep up is dropped by the broker, by the bytes that wait for it.
 */
export class Routes {
  private readonly exact = new Map<string, Set<Reader>>();
  private readonly wild = new Map<string, Set<Reader>>();
  private changes = 0;

  /** Another number whenever there are other readers. */
  get version(): number {
    return this.changes;
  }

  /** Whether anybody reads this topic. */
  isRead(topic: string): boolean {
    if (this.exact.has(topic)) return true;
    for (const filter of this.wild.keys()) if (matches(filter, topic)) return true;
    return false;
  }

  on(topic: string, reader: Reader, done?: () => void): this {
    const routes = this.routesFor(topic);
    const readers = routes.get(topic);
    if (readers === undefined) routes.set(topic, new Set([reader]));
    else readers.add(reader);
    this.changes++;
    if (done !== undefined) setImmediate(done);
    return this;
  }

  removeListener(topic: string, reader: Reader, done?: () => void): this {
    const routes = this.routesFor(topic);
    const readers = routes.get(topic);
    readers?.delete(reader);
    if (readers?.size === 0) routes.delete(topic);
    this.changes++;
    if (done !== undefined) setImmediate(done);
    return this;
  }

  emit(packet: PublishPacket, done: Done = () => {}): this {
    for (const reader of this.exact.get(packet.topic) ?? []) reader(packet, () => {});
    for (const [filter, readers] of this.wild) {
      if (matches(filter, packet.topic)) for (const reader of readers) reader(packet, () => {});
    }
    done();
    return this;
  }

  close(done: () => void): this {
    setImmediate(done);
    return this;
  }

  private routesFor(topic: string): Map<string, Set<Reader>> {
    return /[+#]/.test(topic) ? this.wild : this.exact;
  }
}

/** MQTT 3.1.1 section 4.7: `+` is one level, `#` the level before it and all below; neither matches a first `$`. */
export function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && !filter.startsWith('$')) return false;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (const [i, level] of wanted.entries()) {
    if (level === '#') return true;
    if (i >= levels.length || (level !== '+' && level !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}
