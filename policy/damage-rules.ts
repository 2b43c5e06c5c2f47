import { DATA_DAMAGES } from './damage-data.ts';
import { FILE_DAMAGES } from './damage-files.ts';
import { HOST_DAMAGES } from './damage-host.ts';
import { SERVICE_DAMAGES } from './damage-services.ts';
import { SETUID_DAMAGES } from './damage-setuid.ts';
import { STORAGE_DAMAGES } from './damage-storage.ts';
import type { DamageRule } from './damage-words.ts';

/** Every known way to ruin a host; the first that matches names the damage. */
const DAMAGES: readonly DamageRule[] = [
  ...SETUID_DAMAGES,
  ...FILE_DAMAGES,
  ...HOST_DAMAGES,
  ...DATA_DAMAGES,
  ...STORAGE_DAMAGES,
  ...SERVICE_DAMAGES,
];

/** Names whose rules are kept ready: the commands of plans are few, and a hostile text's names must not fill memory. */
const KEPT = { names: 512, length: 64 } as const;
const kept = new Map<string, readonly DamageRule[]>();

/** The rules that speak about a command of this name, in their order. */
export function damagesOf(name: string): readonly DamageRule[] {
  const ready = kept.get(name);
  if (ready !== undefined) return ready;
  const found = DAMAGES.filter(({ names }) => names.test(name));
  if (kept.size < KEPT.names && name.length <= KEPT.length) kept.set(name, found);
  return found;
}
