import { appendFileSync } from 'node:fs';

/** The agent's own record of what it was ordered and what it did: a JSON line each, for the host's owner. */
export function auditLog(file: string, now: () => number): (what: string, data: object) => void {
  return (what, data) => {
    try {
      appendFileSync(file, `${JSON.stringify({ ts: new Date(now()).toISOString(), what, ...data })}\n`, {
        mode: 0o640,
      });
    } catch {
      // The journal is what safety rests on; a full disk must not stop a result from being reported.
    }
  };
}
