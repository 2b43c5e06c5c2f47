/**
 * Beside a fault that is a service: clears up when the runner is gone. It is none of the service's own processes, since a
 * service that stops itself is ended before it has cleared up, and some have ended long before.
 */
import { stayBounded } from './bound.ts';

stayBounded();
process.title = 'unit-keeper';
