/** Why a text does not compile: a rule id, one sentence, and the byte range at fault. */
export interface Fault {
  readonly fault: string;
  readonly reason: string;
  readonly span: readonly [start: number, end: number];
}

export function fault(rule: string, reason: string, start: number, end: number): Fault {
  return { fault: rule, reason, span: [start, Math.max(start, end)] };
}

export function isFault(value: object): value is Fault {
  return 'fault' in value;
}
