import { decodeCbor } from '../../broker/cbor.ts';
import { type Event, event as eventShape } from '../../broker/messages.ts';
import { ShapeError } from '../../broker/shape.ts';
import { open } from '../../broker/signed.ts';
import type { Hub } from '../hub.ts';
import { redactEvent } from '../redact-intake.ts';

/** Reads an agent's event: signed by the key bound at enrolment, well formed, about the agent that sent it, redacted again. */
export function observe(hub: Hub, agent: string, payload: Uint8Array): Event {
  const enrolled = hub.site.agents.get(agent);
  if (enrolled === undefined) throw new ShapeError('agent', 'an enrolled agent');
  const event = eventShape(decodeCbor(open('event', payload, enrolled.key)), '');
  if (event.agent !== agent) throw new ShapeError('agent', agent);
  return redactEvent(event);
}

/** True when this event was stored before: agents repeat what was not acknowledged. */
export function isRepeat(hub: Hub, message: { agent: string; boot: string; seq: number }, channel: string): boolean {
  return (hub.store.handled.get([message.agent, message.boot, channel]) ?? -1) >= message.seq;
}

/** Inside a transaction: everything of this boot up to this message is stored. */
export function markHandled(hub: Hub, message: { agent: string; boot: string; seq: number }, channel: string): void {
  void hub.store.handled.put([message.agent, message.boot, channel], message.seq);
}
