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
  'unit.failed': 'unit failed',
  'unit.restarts': 'unit restarts all the time',
  'kernel.oom': 'killed for want of memory',
  'kernel.disk': 'disk errors',
  'kernel.readonly': 'file system read-only after an error',
  'kernel.link': 'link lost',
  'kernel.hang': 'hung in the kernel',
  'kernel.hardware': 'hardware errors',
  'kernel.crash': 'program crashes again and again',
  'kernel.bug': 'kernel fault',
  'kernel.table': 'kernel table full',
  'journal.errors': "errors flood the host's log",
  'journal.flood': "the host's log is flooded",
  'log.errors': 'log over its budget of errors',
  'log.flood': 'log over its budget of lines',
  'log.new_error': 'new kind of error in log',
  'log.new_template': 'new kind of line in log',
  'certificate.expiry': 'certificate about to end',
  'container.restarts': 'container restarts all the time',
  'container.unhealthy': 'container unhealthy',
  'database.down': 'database does not answer',
  'database.connections': 'database running out of connections',
  'database.cache': 'database reads from disk',
  'database.archive': 'database can not archive its log',
  'database.lag': 'replica lags behind',
  'database.replication': 'replication broken',
  'database.memory': 'database nearly at its memory limit',
  'endpoint.down': 'endpoint does not answer',
};

export function titleOf(event: Event): string {
  const subject = subjectOf(event);
  const words = TITLES[event.signal] ?? event.signal;
  return subject === undefined ? words : `${words}: ${subject}`;
}
