/** What the doctor looks at, in the order in which it says so: what everything else rests on comes first. */
export const CHECKS = [
  'install',
  'site',
  'keys',
  'disk',
  'clock',
  'store',
  'hub',
  'ports',
  'broker',
  'audit',
  'certificates',
  'agents',
  'policy',
  'settings',
  'model',
] as const;
export type CheckName = (typeof CHECKS)[number];

/** One thing that was looked at. */
export interface Finding {
  readonly check: CheckName;
  readonly ok: boolean;
  /** What was found, in a sentence with numbers. */
  readonly what: string;
  /** What to do about it; empty where all is well. */
  readonly todo: string;
}

export const well = (check: CheckName, what: string): Finding => ({ check, ok: true, what, todo: '' });
export const bad = (check: CheckName, what: string, todo: string): Finding => ({ check, ok: false, what, todo });

/** A check that fails in a way that it did not expect is a finding itself, and never ends the others. */
export async function guarded(
  check: CheckName,
  look: () => readonly Finding[] | Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const isClosed = error instanceof Error && 'code' in error && error.code === 'EACCES';
    const todo = isClosed ? 'look as the user whom the hub runs as' : 'mend what the message names, then ask again';
    return [bad(check, `could not be looked at: ${why}`, todo)];
  }
}
