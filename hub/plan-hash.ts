import { createHash } from 'node:crypto';
import { encodeCbor } from '../broker/cbor.ts';
import type { Plan } from './incident.ts';

/** SHA-256 of the plan as CBOR: what an approval is bound to, so that nothing can be swapped under a signature. */
export function planHash(plan: Plan): string {
  return createHash('sha256').update(encodeCbor(plan)).digest('hex');
}
