import { within } from '../../broker/lifetime.ts';
import { lastChainCheck } from '../chain/check.ts';
import type { Store } from '../store/store.ts';

/** A write that takes longer is as good as none: nothing is durable, so nothing is acknowledged. */
const WRITE_MS = 10_000;

/** One thing without which the hub does not do its work. */
export interface HealthCheck {
  readonly name: 'store' | 'mesh' | 'audit';
  readonly ok: boolean;
  /** What is wrong and what to do; empty when nothing is. */
  readonly why: string;
}

export interface HealthParts {
  readonly store: Store;
  /** What is wrong with the mesh; null when nothing is. */
  readonly mesh: () => string | null;
}

/** Looks at each by doing it: a record is written and flushed, the broker must have spoken, the chain must hold. */
export async function checkHealth({ store, mesh }: HealthParts): Promise<readonly HealthCheck[]> {
  const trouble = mesh();
  const chain = lastChainCheck(store);
  const broken =
    chain === undefined || chain.ok
      ? ''
      : `audit record ${chain.record}: ${chain.why}. Run \`sentinel audit verify\` and keep the store as it is.`;
  return [
    await checkStore(store),
    { name: 'mesh', ok: trouble === null, why: trouble ?? '' },
    { name: 'audit', ok: broken === '', why: broken },
  ];
}

async function checkStore(store: Store): Promise<HealthCheck> {
  let why = `a write took longer than ${WRITE_MS / 1_000} s: look at the disk`;
  const written = store
    .write(() => void store.meta.put('health', Date.now()))
    .then(
      () => {
        why = '';
      },
      (error: unknown) => {
        why = error instanceof Error ? error.message : String(error);
      },
    );
  await within(WRITE_MS, written);
  return { name: 'store', ok: why === '', why };
}

/** The checks as `/healthz` answers them. */
export function healthAnswer(checks: readonly HealthCheck[]): { readonly ok: boolean; readonly body: string } {
  const ok = checks.every((one) => one.ok);
  const said = Object.fromEntries(checks.map(({ name, ok, why }) => [name, ok ? { ok } : { ok, why }]));
  return { ok, body: `${JSON.stringify({ status: ok ? 'ok' : 'failing', checks: said })}\n` };
}
