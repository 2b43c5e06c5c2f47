import { decodeCbor } from '../../broker/cbor.ts';
import { type Event, event as eventShape } from '../../broker/messages.ts';
import { withReadableSnapshot } from '../../broker/packed-snapshot.ts';
import { ShapeError } from '../../broker/shape.ts';
import { open } from '../../broker/signed.ts';
import type { Hub } from '../hub.ts';
import { heardOf, putHeard, stretchOf } from '../mesh/heard.ts';
import { redactEvent } from '../mesh/redact.ts';

/** Reads an agent's event: signed by the key bound at enrolment, well formed, about the agent that sent it, redacted again. */
export function observe(hub: Hub, agent: string, payload: Uint8Array): Event {
  const enrolled = hub.site.agents.get(agent);
  if (enrolled === undefined) throw new ShapeError('agent', 'an enrolled agent');
  const event = withReadableSnapshot(eventShape(decodeCbor(open('event', payload, enrolled.key)), ''));
  if (event.agent !== agent) throw new ShapeError('agent', agent);
  return redactEvent(event);
}

/** True when this message was stored before: agents repeat what was not acknowledged. */
export function isRepeat(hub: Hub, { agent, boot, seq }: Numbered): boolean {
  return stretchOf(heardOf(hub.store, agent, boot), seq) !== undefined;
}

/** Inside a transaction: this message is stored. */
export function markHandled(hub: Hub, { agent, boot, seq }: Numbered): void {
  putHeard(hub.store, agent, boot, [seq, seq]);
}

type Numbered = Pick<Event, 'agent' | 'boot' | 'seq'>;
