import type { Evidence } from '../evidence/evidence.ts';
import { oneLine } from '../evidence/words.ts';
import type { Playbook } from '../playbook/playbook.ts';
import { mentionIn, type Told } from './mention.ts';

/** What in the evidence itself speaks for a playbook's class: a phrase of its own, or another open alert; null where nothing does. */
export function signOf({ match, cause }: Playbook, { event, also = [] }: Evidence, told: Told): string | null {
  if (match.mentions.length > 0) {
    if (!match.signals.some((signal) => signal === event.signal || also.some((one) => one.signal === signal)))
      return null;
    const phrase = mentionIn(match.mentions, told);
    return phrase === undefined ? null : `the evidence speaks of "${phrase}"`;
  }
  const other = also.find(({ signal }) => signal !== event.signal && match.signals.includes(signal));
  if (other !== undefined) return `the host also reports ${oneLine(other.metric ?? other.signal, 60)}`;
  return match.signals.includes(event.signal) && cause !== '' ? oneLine(cause, 120) : null;
}
