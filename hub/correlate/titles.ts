import type { Event } from '../../broker/messages.ts';
import { subjectOf } from './labels.ts';

/** Words for a signal, as an operator would say them. */
const TITLES: Readonly<Record<string, string>> = {
  'host.memory': 'memory nearly used up',
  'host.swap': 'swap nearly used up',
  'host.cpu': 'cpu saturated',
  'host.load': 'load far above its cores',
  'host.silent': 'agent is silent',
  'disk.space': 'disk filling',
  'disk.inodes': 'inodes running out',
  'net.errors': 'network errors',
  'group.memory': 'workload over its memory budget',
  'group.cpu': 'workload over its cpu budget',
  'group.restarts': 'workload keeps dying',
  'folder.space': 'folder over its quota',
};

export function titleOf(event: Event): string {
  const subject = subjectOf(event);
  const words = TITLES[event.signal] ?? event.signal;
  return subject === undefined ? words : `${words}: ${subject}`;
}
