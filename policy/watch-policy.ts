import { type FSWatcher, watch } from 'node:fs';
import { type LoadOptions, loadRules, tiers } from './load-rules.ts';
import { loadPolicy, type Policy, PolicyError } from './policy.ts';
import { messageOf } from './policy-error.ts';

/** What came of a change in the rule files. After an error the last good policy stays in force. */
export type PolicyChange = { readonly policy: Policy } | { readonly error: PolicyError };

export interface PolicyWatch {
  /** The last set of rules that loaded with all its examples. */
  readonly policy: Policy;
  /** Reads the files again now; for a signal, or where a file system tells nothing. */
  reload(): Promise<void>;
  close(): void;
}

/** An editor writes a file in several steps: they are one change. */
const SETTLE_MS = 100;

/**
 * Loads a policy and follows its folders. `onChange` gets each new policy, or a PolicyError with code, file and line
 * when what was written does not load or fails its own examples. Throws a PolicyError when the first load fails.
 */
export async function watchPolicy(
  options: LoadOptions,
  onChange: (change: PolicyChange) => void,
  watching: typeof watch = watch,
): Promise<PolicyWatch> {
  let policy = await loadPolicy(options);
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let told = '';
  let running: Promise<void> = Promise.resolve();

  const read = async () => {
    if (closed) return;
    const change = await attempt(options, policy);
    if (closed) return;
    if ('policy' in change) {
      told = '';
      if (change.policy.hash === policy.hash) return;
      policy = change.policy;
    } else {
      // The same mistake is told once, however often its file is touched.
      if (change.error.message === told) return;
      told = change.error.message;
    }
    onChange(change);
  };
  const reload = () => {
    running = running.then(read);
    return running;
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void reload(), SETTLE_MS);
  };
  const watchers = tiers(options).map(({ folder }) => follow(folder, soon, watching));
  // What changed between the first load and the first watch is not told by any event.
  soon();
  return {
    get policy() {
      return policy;
    },
    reload,
    close() {
      closed = true;
      clearTimeout(timer);
      for (const watcher of watchers) watcher?.close();
    },
  };
}

/** The same policy where no rule has changed: then no example is tried again. */
async function attempt(options: LoadOptions, present: Policy): Promise<PolicyChange> {
  try {
    if (loadRules(options).hash === present.hash) return { policy: present };
    return { policy: await loadPolicy(options) };
  } catch (error) {
    return { error: error instanceof PolicyError ? error : new PolicyError('E_POLICY_READ', '', 0, messageOf(error)) };
  }
}

/** Null where a file system cannot be watched: then only `reload` notices a change. */
function follow(folder: string, changed: () => void, watching: typeof watch): FSWatcher | null {
  try {
    const watcher = watching(folder, { persistent: false }, changed);
    watcher.on('error', changed);
    return watcher;
  } catch {
    return null;
  }
}
