import type { Mesh } from './mesh.ts';
import type { MeshHealth } from './traffic.ts';

/** What the store beside the broker adds, where there is one. */
interface Stored {
  readonly commits?: number;
  readonly commitMsMax?: number;
  readonly queued?: number;
}

/**
 * Health as mosquitto names it, so that dashboards made for it work; ours are under `$SYS/broker/sentinel`. Values are
 * decimal text. Totals are since the broker started.
 */
export function sysTopics(health: MeshHealth & Stored): ReadonlyMap<string, string> {
  const topics = new Map<string, string | number | undefined>([
    ['uptime', `${health.uptimeS} seconds`],
    ['clients/connected', health.clients],
    ['messages/received', health.messagesReceived],
    ['messages/sent', health.messagesSent],
    ['publish/messages/received', health.messagesReceived],
    ['publish/messages/sent', health.messagesSent],
    ['publish/messages/dropped', health.droppedForwards],
    ['publish/bytes/received', health.payloadReceived],
    ['publish/bytes/sent', health.payloadSent],
    ['bytes/received', health.bytesReceived],
    ['bytes/sent', health.bytesSent],
    ['sentinel/loop_lag_p99_ms', health.loopLagP99Ms],
    ['sentinel/loop_lag_max_ms', health.loopLagMaxMs],
    ['sentinel/queue', health.waiting + (health.queued ?? 0)],
    ['sentinel/reader_bytes_max', health.readerBytesMax],
    ['sentinel/slow_readers_dropped', health.slowReaders],
    ['sentinel/commit_ms_max', health.commitMsMax],
    ['sentinel/commits', health.commits],
    ['sentinel/refused/connect', health.refusedConnect],
    ['sentinel/refused/busy', health.refusedBusy],
    ['sentinel/refused/publish', health.refusedPublish],
    ['sentinel/refused/subscribe', health.refusedSubscribe],
    ['sentinel/refused/oversize', health.oversize],
    ['sentinel/refused/malformed', health.malformed],
  ]);
  return new Map(
    [...topics].flatMap(([name, value]) => (value === undefined ? [] : [[`$SYS/broker/${name}`, `${value}`]])),
  );
}

/** Publishes them retained. */
export async function publishHealth(mesh: Mesh, health: MeshHealth & Stored): Promise<void> {
  await Promise.all(
    [...sysTopics(health)].map(([topic, value]) => mesh.publish(topic, Buffer.from(value), { retain: true })),
  ).catch(() => {
    // A broker that is closing says nothing any more.
  });
}
